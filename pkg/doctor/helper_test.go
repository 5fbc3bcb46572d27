package doctor_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/doctor"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// now is the time of the tests; certificates are valid for a year before and after it.
var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// elsewhere looks like the address of another machine, and nothing responds there.
const elsewhere = "localhost.:1"

func clock() time.Time { return now }

// adminCluster is a healthy cluster, in which tests plant faults.
type adminCluster struct {
	doctor.Cluster
	t       *testing.T
	ca      testca.CA
	tokens  []*corev1.Secret
	info    *corev1.ConfigMap // cluster-info
	clients *corev1.ConfigMap // the CAs of clients
	rbac    []runtime.Object
	csrs    []*certificatesv1.CertificateSigningRequest
	// allows answers access reviews.
	allows func(authorizationv1.SubjectAccessReviewSpec) bool
	// fails are the errors of requests, by verb and resource.
	fails map[string]error
	// behind is how far this machine's clock is behind the API server's.
	behind time.Duration
	// version is the error of the request for the API server's version.
	version error
	// At the address in cluster-info, anonymous is the status of requests without
	// credentials, and accepts means that the API server accepts tokens.
	anonymous int
	accepts   bool

	mu     sync.Mutex
	seen   []string // the credentials of each request there
	client *fake.Clientset
}

func longLived(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = c.NotBefore.AddDate(-1, 0, 0), c.NotAfter.AddDate(1, 0, 0)
}

// healthy returns a cluster in which nodes can join.
func healthy(t *testing.T) *adminCluster {
	t.Helper()
	p := &adminCluster{t: t, ca: testca.New(t, now, longLived), accepts: true, anonymous: http.StatusOK, fails: map[string]error{}}
	server := httptest.NewUnstartedServer(p)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{p.ca.Serving(t, now)}}
	server.StartTLS()
	t.Cleanup(server.Close)
	at, err := clusterinfo.ParseEndpoint(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	p.Server, p.Address, p.CAs = at, at.URL(), []*x509.Certificate{p.ca.Certificate}
	p.Clock = &discovery.Clock{Now: clock}
	p.NodeClient.Now = clock
	p.info = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: "cluster-info", UID: types.UID("uid at " + at)}}
	p.tokens = []*corev1.Secret{p.token("abcdef")}
	p.publish(at, p.ca.Certificate)
	p.clients = &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "extension-apiserver-authentication"},
		Data:       map[string]string{"client-ca-file": string(certpem.Encode(p.ca.Certificate))},
	}
	for _, o := range setup.Objects(setup.Options{}) {
		p.rbac = append(p.rbac, o.Manifest().(runtime.Object))
		if o.Kind == "ClusterRoleBinding" && o.RoleRef.Name != o.Name { // a ClusterRole of Kubernetes
			p.rbac = append(p.rbac, setup.Object{Kind: o.RoleRef.Kind, Name: o.RoleRef.Name}.Manifest().(runtime.Object))
		}
	}
	return p
}

// token returns a token that was created an hour ago, with changes to its Secret.
func (p *adminCluster) token(id string, changes ...func(*corev1.Secret)) *corev1.Secret {
	p.t.Helper()
	tok, err := token.Parse(id + ".qk3v8x5m2p7r9t4w")
	if err != nil {
		p.t.Fatal(err)
	}
	secret := token.Spec{
		Token: tok, Usages: []string{token.Signing, token.Authentication}, Groups: []string{token.DefaultGroup}, Expires: now.Add(time.Hour),
	}.Secret()
	secret.CreationTimestamp = metav1.NewTime(now.Add(-time.Hour))
	for _, change := range changes {
		change(secret)
	}
	return secret
}

// publish writes the kubeconfig in cluster-info, signed with all tokens.
func (p *adminCluster) publish(at clusterinfo.Endpoint, cas ...*x509.Certificate) {
	p.t.Helper()
	document, err := clusterinfo.Encode(at, cas)
	if err != nil {
		p.t.Fatal(err)
	}
	p.info.Data = map[string]string{"kubeconfig": string(document)}
	p.sign()
}

func (p *adminCluster) sign() {
	for _, secret := range p.tokens {
		info := token.Read(secret)
		p.info.Data["jws-kubeconfig-"+info.ID] = clusterinfo.Sign([]byte(p.info.Data["kubeconfig"]), info.Token)
	}
}

// without removes an object of setup.
func (p *adminCluster) without(name string) {
	p.rbac = slices.DeleteFunc(p.rbac, func(o runtime.Object) bool {
		meta := o.(metav1.Object)
		return o.GetObjectKind().GroupVersionKind().Kind+" "+meta.GetName() == name
	})
}

// find returns an object of setup, to be changed.
func find[T runtime.Object](p *adminCluster, name string) T {
	for _, o := range p.rbac {
		if found, ok := o.(T); ok && o.(metav1.Object).GetName() == name {
			return found
		}
	}
	panic(name + " is missing")
}

// request adds a node's CSR, created a minute ago with the token, with changes.
func (p *adminCluster) request(name string, changes ...func(*certificatesv1.CertificateSigningRequest)) {
	p.t.Helper()
	object, err := csr.NewNodeRequest("n1", testca.Key(p.t), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	object.Name, object.CreationTimestamp = name, metav1.NewTime(now.Add(-time.Minute))
	object.Spec.Username, object.Spec.Groups = "system:bootstrap:abcdef", []string{"system:bootstrappers", token.DefaultGroup}
	for _, change := range changes {
		change(object)
	}
	p.csrs = append(p.csrs, object)
}

// is adds a condition to a CSR, that long ago.
func is(condition certificatesv1.RequestConditionType, ago time.Duration) func(*certificatesv1.CertificateSigningRequest) {
	return func(r *certificatesv1.CertificateSigningRequest) {
		r.Status.Conditions = append(r.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
			Type: condition, Status: corev1.ConditionTrue, Reason: "Because", LastUpdateTime: metav1.NewTime(now.Add(-ago)),
		})
	}
}

// ServeHTTP is the API server as nodes see it.
func (p *adminCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	credentials := r.Header.Get("Authorization")
	p.mu.Lock()
	p.seen = append(p.seen, credentials)
	p.mu.Unlock()
	status, object := p.anonymous, any(&corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: p.info.ObjectMeta, Data: p.info.Data})
	if credentials != "" {
		object = &authenticationv1.SelfSubjectReview{
			TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "SelfSubjectReview"},
			Status:   authenticationv1.SelfSubjectReviewStatus{UserInfo: authenticationv1.UserInfo{Username: "system:bootstrap:abcdef"}},
		}
		if status = http.StatusOK; !p.accepts {
			status = http.StatusUnauthorized
		}
	}
	if status != http.StatusOK {
		object = metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: int32(status),
			Reason:  map[int]metav1.StatusReason{401: metav1.StatusReasonUnauthorized, 403: metav1.StatusReasonForbidden, 404: metav1.StatusReasonNotFound}[status],
			Message: `User "system:anonymous" cannot get resource "configmaps"`,
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object)
}

// check runs doctor, and verifies that it only reads.
func (p *adminCluster) check(t *testing.T) []doctor.Finding {
	t.Helper()
	objects := slices.Clone(p.rbac)
	for _, o := range p.tokens {
		objects = append(objects, o)
	}
	for _, o := range p.csrs {
		objects = append(objects, o)
	}
	if p.info.Data != nil {
		objects = append(objects, p.info)
	}
	p.client = fake.NewClientset(append(objects, p.clients)...)
	p.client.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview).DeepCopy()
		review.Status.Allowed = p.allows != nil && p.allows(review.Spec)
		return true, review, nil
	})
	for what, err := range p.fails {
		verb, resource, _ := strings.Cut(what, " ")
		p.client.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, err })
	}
	p.Client = &kubeclient.Client{
		Core: p.client.CoreV1(), Certificates: p.client.CertificatesV1(), RBAC: p.client.RbacV1(), Authorization: p.client.AuthorizationV1(),
		Version: func(context.Context) (version.Info, error) {
			p.Clock.Watch(kubeclient.Options{}).Observe(kubeclient.Call{Date: now.Add(p.behind)})
			return version.Info{GitVersion: "v1.37.2"}, p.version
		},
	}
	findings := p.Run(t.Context())
	for _, action := range p.client.Actions() {
		if verb := action.GetVerb(); verb != "get" && verb != "list" && !action.Matches("create", "subjectaccessreviews") {
			t.Errorf("doctor does %s %s", verb, action.GetResource().Resource)
		}
	}
	return findings
}

// bad returns the findings that are WARN or FAIL.
func bad(findings []doctor.Finding) []doctor.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f doctor.Finding) bool { return f.Status == doctor.OK || f.Status == doctor.SKIP })
}

// tried returns the credentials that the API server received.
func (p *adminCluster) tried() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.seen), func(s string) bool { return s == "" })
}
