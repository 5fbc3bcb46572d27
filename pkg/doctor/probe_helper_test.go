package doctor_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/internal/testctx"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/doctor"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

var (
	secretsResource    = corev1.SchemeGroupVersion.WithResource("secrets")
	configMapsResource = corev1.SchemeGroupVersion.WithResource("configmaps")
	requestsResource   = certificatesv1.SchemeGroupVersion.WithResource("certificatesigningrequests")
)

// site is a cluster: a fake for the administrator, and served over TLS for nodes, with the
// same objects. Its fields are its faults.
type site struct {
	t        *testing.T
	ca       testca.CA
	admin    *fake.Clientset
	endpoint clusterinfo.Endpoint

	mu             sync.Mutex
	authorizations []string // in all requests of nodes
	secrets        []string // the secret halves of all tokens that were created
	autoApproved   bool     // the authorizer's answer about automatic approval

	// The faults.
	noSigner, noApprover, noCertificateSigner bool
	condition                                 certificatesv1.RequestConditionType // instead of an approval
	rejects                                   string                              // the prefix of users that get 401
	forbids                                   bool                                // tokens may not submit
	ahead                                     time.Duration                       // the API server's clock
	changes                                   bool                                // cluster-info differs each time
	loses                                     bool                                // responses about CSRs
	issuer                                    testca.CA
}

// newSite returns a cluster with changes to its cluster-info and its server's certificate.
func newSite(t *testing.T, changes ...func(*site, *clusterinfo.Document, *tls.Certificate)) *site {
	t.Helper()
	s := &site{t: t, ca: testca.New(t, time.Now(), longLived), admin: fake.NewClientset(), autoApproved: true}
	s.issuer = s.ca
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.endpoint = clusterinfo.Endpoint(server.Listener.Addr().String())
	document := clusterinfo.Document{Server: s.endpoint, CAs: []*x509.Certificate{s.ca.Certificate}}
	serving := s.ca.Serving(t, time.Now())
	for _, change := range changes {
		change(s, &document, &serving)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{serving}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	text, err := clusterinfo.Encode(document.Server, document.CAs)
	if err != nil {
		t.Fatal(err)
	}
	s.add(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: "cluster-info"}, Data: map[string]string{"kubeconfig": string(text)}})
	s.admin.PrependReactor("create", "secrets", s.secretMade)
	s.admin.PrependReactor("create", "subjectaccessreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &authorizationv1.SubjectAccessReview{Status: authorizationv1.SubjectAccessReviewStatus{Allowed: s.autoApproved}}, nil
	})
	return s
}

func (s *site) add(object runtime.Object) {
	s.t.Helper()
	if err := s.admin.Tracker().Add(object); err != nil {
		s.t.Error(err)
	}
}

// secretMade sets a new Secret's metadata as an API server does, and signs cluster-info.
func (s *site) secretMade(action clienttesting.Action) (bool, runtime.Object, error) {
	secret, ok := action.(clienttesting.CreateActionImpl).Object.(*corev1.Secret)
	if !ok {
		return false, nil, nil
	}
	secret.UID, secret.ResourceVersion, secret.CreationTimestamp = "uid-"+types.UID(secret.Name), "7", metav1.NewTime(time.Now().Add(s.ahead))
	s.secrets = append(s.secrets, string(secret.Data["token-secret"]))
	if tok := token.Read(secret).Token; !s.noSigner {
		s.rewrite(func(data map[string]string) {
			data["jws-kubeconfig-"+tok.ID()] = clusterinfo.Sign([]byte(data["kubeconfig"]), tok)
		})
	}
	return false, nil, nil
}

// rewrite changes cluster-info.
func (s *site) rewrite(change func(data map[string]string)) {
	s.t.Helper()
	found, err := s.admin.Tracker().Get(configMapsResource, "kube-public", "cluster-info")
	info, ok := found.(*corev1.ConfigMap)
	if err != nil || !ok {
		s.t.Errorf("cluster-info: %v", err)
		return
	}
	change(info.Data)
	if err := s.admin.Tracker().Update(configMapsResource, info, "kube-public"); err != nil {
		s.t.Error(err)
	}
}

// probe returns a probe with the administrator's CA.
func (s *site) probe() doctor.Probe {
	return doctor.Probe{
		Client: &kubeclient.Client{Core: s.admin.CoreV1(), Certificates: s.admin.CertificatesV1(), Authorization: s.admin.AuthorizationV1()},
		CAs:    []*x509.Certificate{s.ca.Certificate}, NodeClient: kubeclient.Options{Timeout: time.Minute},
		Random: rand.Reader,
	}
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.authorizations = append(s.authorizations, r.Header.Get("Authorization"))
	who := s.user(r)
	path := r.URL.Path
	name := path[strings.LastIndex(path, "/")+1:]
	switch {
	case who == "":
		s.fail(w, apierrors.NewUnauthorized("no"))
	case strings.HasSuffix(path, "/configmaps/cluster-info"):
		if s.changes {
			s.rewrite(func(data map[string]string) { data["kubeconfig"] += "\n" })
		}
		s.find(w, configMapsResource.GroupResource().Resource, "kube-public", name)
	case strings.HasSuffix(path, "/selfsubjectreviews"):
		s.answer(w, &authenticationv1.SelfSubjectReview{Status: authenticationv1.SelfSubjectReviewStatus{
			UserInfo: authenticationv1.UserInfo{Username: who, Groups: []string{"system:bootstrappers"}},
		}})
	case s.forbids && r.Method == http.MethodPost:
		s.fail(w, apierrors.NewForbidden(requestsResource.GroupResource(), "", fmt.Errorf("User %q cannot create resource", who)))
	case r.Method == http.MethodPost:
		s.submit(w, r, who)
	case r.URL.Query().Has("watch"): // a watch that ends immediately
		w.Header().Set("Content-Type", "application/json")
	case s.loses:
		panic(http.ErrAbortHandler)
	default:
		s.find(w, requestsResource.Resource, "", name)
	}
}

// user returns the user of a request, empty if it is not authenticated.
func (s *site) user(r *http.Request) string {
	bearer, isToken := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	who := "system:anonymous"
	switch {
	case isToken:
		id, secretHalf, _ := strings.Cut(bearer, ".")
		found, err := s.admin.Tracker().Get(secretsResource, "kube-system", "bootstrap-token-"+id)
		if secret, ok := found.(*corev1.Secret); err != nil || !ok || string(secret.Data["token-secret"]) != secretHalf {
			return ""
		}
		who = "system:bootstrap:" + id
	case len(r.TLS.PeerCertificates) > 0:
		who = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	if s.rejects != "" && strings.HasPrefix(who, s.rejects) {
		return ""
	}
	return who
}

func (s *site) find(w http.ResponseWriter, resource, namespace, name string) {
	group := corev1.SchemeGroupVersion
	if namespace == "" {
		group = certificatesv1.SchemeGroupVersion
	}
	object, err := s.admin.Tracker().Get(group.WithResource(resource), namespace, name)
	if err != nil {
		s.fail(w, apierrors.NewNotFound(group.WithResource(resource).GroupResource(), name))
		return
	}
	s.answer(w, object)
}

// submit stores a CSR, decides on it and signs it.
func (s *site) submit(w http.ResponseWriter, r *http.Request, who string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
	request, ok := object.(*certificatesv1.CertificateSigningRequest)
	if err != nil || !ok {
		s.t.Errorf("request body: %v", err)
		return
	}
	request.UID, request.Spec.Username = types.UID("uid-"+request.Name), who
	decision := s.condition
	if decision == "" {
		decision = certificatesv1.CertificateApproved
	}
	if !s.noApprover {
		request.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{Type: decision, Status: corev1.ConditionTrue}}
	}
	if !s.noApprover && !s.noCertificateSigner && s.condition == "" {
		request.Status.Certificate = s.issue(request)
	}
	if err := s.admin.Tracker().Create(requestsResource, request, ""); err != nil {
		s.fail(w, apierrors.NewAlreadyExists(requestsResource.GroupResource(), request.Name))
		return
	}
	if s.loses {
		panic(http.ErrAbortHandler)
	}
	s.answer(w, request)
}

func (s *site) issue(request *certificatesv1.CertificateSigningRequest) []byte {
	parsed, err := csr.ParseRequest(request.Spec.Request)
	if err != nil {
		s.t.Error(err)
		return nil
	}
	return certpem.Encode(s.issuer.Issue(s.t, &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: parsed.Subject,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, parsed.PublicKey))
}

func (s *site) answer(w http.ResponseWriter, object runtime.Object) {
	object = object.DeepCopyObject()
	kinds, _, err := scheme.Scheme.ObjectKinds(object)
	if err != nil {
		s.t.Error(err)
	}
	object.GetObjectKind().SetGroupVersionKind(kinds[0])
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(object)
}

func (s *site) fail(w http.ResponseWriter, err *apierrors.StatusError) {
	status := err.Status()
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(status.Code))
	_ = json.NewEncoder(w).Encode(status)
}

// names returns the names of the existing tokens and CSRs.
func (s *site) names() []string {
	s.t.Helper()
	secrets, err := s.admin.Tracker().List(secretsResource, corev1.SchemeGroupVersion.WithKind("Secret"), "")
	if err != nil {
		s.t.Fatal(err)
	}
	requests, err := s.admin.Tracker().List(requestsResource, certificatesv1.SchemeGroupVersion.WithKind("CertificateSigningRequest"), "")
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, secret := range secrets.(*corev1.SecretList).Items {
		names = append(names, secret.Name)
	}
	for _, request := range requests.(*certificatesv1.CertificateSigningRequestList).Items {
		names = append(names, request.Name)
	}
	return names
}

// sent reports whether any credential was sent.
func (s *site) sent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.authorizations, func(a string) bool { return a != "" })
}

// wantLast compares the last finding, or the last before the clean-up.
func wantLast(t *testing.T, findings []doctor.Finding, check string, status doctor.Status, reason string) {
	t.Helper()
	last := slices.IndexFunc(findings, func(f doctor.Finding) bool { return f.Check == "probe: clean-up" })
	if last < 0 {
		last = len(findings)
	}
	if last == 0 {
		t.Fatalf("findings %+v, want %s", findings, check)
	}
	if got := findings[last-1]; got.Check != check || got.Status != status || got.Reason != reason || got.Message == "" || (got.Fix == "") != (status == doctor.OK) {
		t.Errorf("%+v, want %s %s %s", got, check, status, reason)
	}
	if got := findings[last-1]; strings.Contains(got.Fix, "csr approve") || strings.Contains(got.Fix, "HOST:PORT") {
		t.Errorf("the fix of a probe is %q", got.Fix)
	}
}

// runUntil runs the probe until the step waits in vain, and then its deadline passes: for
// the administrator's client, which is a fake without a deadline, as soon as the step
// begins; for a node's client, after a response.
func runUntil(t *testing.T, p doctor.Probe, step string) []doctor.Finding {
	t.Helper()
	ctx, pass := testctx.WithDeadline(t.Context())
	lastOf := map[string]func(kubeclient.Call) bool{
		"discovery": func(kubeclient.Call) bool { return true },
		"request":   func(c kubeclient.Call) bool { return c.Method == http.MethodPost },
		"approval":  func(c kubeclient.Call) bool { return strings.Contains(c.Path, "watch=") },
	}
	var begun atomic.Bool
	at(&p, step, func() {
		begun.Store(true)
		if lastOf[step] == nil {
			pass()
		}
	})
	p.NodeClient.Observe = func(c kubeclient.Call) {
		if begun.Load() && lastOf[step] != nil && lastOf[step](c) {
			pass()
		}
	}
	return p.Run(ctx)
}

// at runs do when the step begins.
func at(p *doctor.Probe, step string, do func()) {
	p.Observer = func(event kubeclient.Event) {
		if event.Step == "probe: "+step {
			do()
		}
	}
}
