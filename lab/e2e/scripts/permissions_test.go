package scripts

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// jobScripts run the commands of each job in docs/reference/permissions.md, on a control
// plane without the named controller: b runs bootctl
// as the job's account, and bootctl and kubectl run as the administrator.
var jobScripts = []struct{ title, without, script string }{
	{"Doctor", "", `b doctor --strict --auto-approve none`},
	{"Token manager", "", `
id=$(b token create --ttl 1h --wait -o 'jsonpath={.id}')
b token list -q
b token extend "$id" --ttl 2h
b token check "$id"
b token delete "$id"`},
	{"cluster-info publisher", "", `
kubectl delete configmap cluster-info --namespace kube-public --ignore-not-found
b cluster-info publish --endpoint "$SERVER" --ca-file "$CA" --yes
b cluster-info publish --endpoint "https://localhost:${SERVER##*:}" --yes
b cluster-info sign
b cluster-info show
b cluster-info verify
b cluster-info pin`},
	{"CSR approver", "", `
submit() { bootctl csr submit --node "$1" --key "$1.key" --as system:bootstrap:abcdef --as-group system:bootstrappers --as-group system:bootstrappers:kubeadm:default-node-token -q; }
approved=$(submit "approved-$AS_NAME")
denied=$(submit "denied-$AS_NAME")
pending=$(submit "pending-$AS_NAME")
kubectl apply -f - <<END
{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "served"}, "status": {"addresses": [{"type": "Hostname", "address": "served"}]}}
END
serving=$(bootctl csr submit --node served --san served --key "serving-$AS_NAME.key" --as system:node:served --as-group system:nodes -q)
b csr list --pending -q
b csr review "$approved"
b csr approve "$approved"
b csr approve "$serving" --signer kubernetes.io/kubelet-serving
b csr deny "$denied" --reason UnknownMachine
b csr delete "$denied"
b csr wait "$pending" -q 2>wait.stderr &
until [ -s wait.stderr ]; do sleep 0.1; done
bootctl csr approve "$pending"
wait "$!" || echo "csr wait: exit code $?"
cat wait.stderr`},
	{"Setup", "bootstrapsigner", `
bootctl setup --remove
kubectl delete configmap cluster-info --namespace kube-public --ignore-not-found
b setup --endpoint "$SERVER"
bootctl token create -q
b setup # signs cluster-info with the token`},
}

// TestPermissions applies each manifest of docs/reference/permissions.md. The commands of
// the job must succeed, and fail without any single permission.
func TestPermissions(t *testing.T) {
	t.Parallel()
	labtest.RequireTools(t, "dash")
	labs := map[string]labtest.Admin{}
	for _, without := range []string{"", "bootstrapsigner"} {
		labs[without] = labtest.NewAdmin(t, strings.Fields(without)...)
		labs[without].MustRun(t, "setup", "--endpoint", labs[without].Server.URL(), "--auto-approve", "none")
		labs[without].MustRun(t, "token", "create")
	}
	for _, job := range jobScripts {
		t.Run(job.title, func(t *testing.T) {
			permissionsJob{labs[job.without], t.TempDir(), job.script}.run(t, parseManifest(t, readManifest(t, job.title)))
		})
	}
	if n := strings.Count(permissionsPage(t), "```yaml\n"); n != len(jobScripts) {
		t.Errorf("the page has %d manifests, and the test runs %d", n, len(jobScripts))
	}
}

func permissionsPage(t *testing.T) string {
	t.Helper()
	return string(labtest.ReadFile(t, filepath.Join(labtest.Root(t), "docs", "reference", "permissions.md")))
}

// readManifest returns the text of the manifest below a heading of the page.
func readManifest(t *testing.T, title string) string {
	t.Helper()
	_, section, _ := strings.Cut(permissionsPage(t), "\n### "+title+"\n")
	_, section, _ = strings.Cut(section, "```yaml\n")
	text, _, found := strings.Cut(section, "```\n")
	if !found {
		t.Fatalf("the page has no manifest %q", title)
	}
	return text
}

// A manifest is the text of a manifest and its roles.
type manifest struct {
	account string
	docs    []string
	roles   map[int]*rbacv1.ClusterRole // by the index of the doc; also Roles, which have the same fields
}

func parseManifest(t *testing.T, text string) manifest {
	t.Helper()
	m := manifest{docs: strings.Split(text, "---\n"), roles: map[int]*rbacv1.ClusterRole{}}
	for i, doc := range m.docs {
		var role rbacv1.ClusterRole
		if err := yaml.Unmarshal([]byte(doc), &role); err != nil {
			t.Fatal(err)
		}
		m.account = role.Name
		if len(role.Rules) > 0 {
			m.roles[i] = &role
		}
	}
	return m
}

// A lack is a permission that a manifest does not have: a verb on a resource or on one
// named object, as a rule. The zero lack lacks nothing.
type lack struct {
	doc, rule int
	verb      string
	name      string
}

func (m manifest) lacks() []lack {
	var all []lack
	for doc, role := range m.roles {
		for i, rule := range role.Rules {
			for _, verb := range rule.Verbs {
				for _, name := range append(slices.Clone(rule.ResourceNames), "")[:max(1, len(rule.ResourceNames))] {
					all = append(all, lack{doc, i, verb, name})
				}
			}
		}
	}
	return all
}

// attributes returns the permission that the manifest lacks.
func (m manifest) attributes(l lack) authorizationv1.ResourceAttributes {
	role := m.roles[l.doc]
	rule := role.Rules[l.rule]
	resource, subresource, _ := strings.Cut(rule.Resources[0], "/")
	return authorizationv1.ResourceAttributes{
		Namespace: role.Namespace, Verb: l.verb, Group: rule.APIGroups[0], Resource: resource, Subresource: subresource, Name: l.name,
	}
}

// without returns the manifest without a permission, for another account.
func (m manifest) without(t *testing.T, l lack, account string) string {
	t.Helper()
	docs := slices.Clone(m.docs)
	if l.verb != "" {
		role := m.roles[l.doc].DeepCopy()
		rule := &role.Rules[l.rule]
		keep := rule.DeepCopy()
		keep.Verbs = slices.DeleteFunc(keep.Verbs, func(verb string) bool { return verb == l.verb })
		rule.Verbs = []string{l.verb}
		rule.ResourceNames = slices.DeleteFunc(rule.ResourceNames, func(name string) bool { return name == l.name })
		if len(rule.ResourceNames) == 0 {
			role.Rules = slices.Delete(role.Rules, l.rule, l.rule+1)
		}
		if len(keep.Verbs) > 0 {
			role.Rules = append(role.Rules, *keep)
		}
		text, err := yaml.Marshal(role)
		if err != nil {
			t.Fatal(err)
		}
		docs[l.doc] = string(text)
	}
	return strings.ReplaceAll(strings.Join(docs, "---\n"), m.account, account)
}

type permissionsJob struct {
	labtest.Admin
	dir, script string
}

func (j permissionsJob) run(t *testing.T, m manifest) {
	t.Helper()
	lacks := m.lacks()
	if len(lacks) == 0 {
		t.Fatal("the manifest grants nothing")
	}
	account := func(i int) string { return fmt.Sprintf("%s-%d", m.account, i) }
	var texts []string
	for i, l := range append(slices.Clone(lacks), lack{}) { // the last account has every permission
		texts = append(texts, m.without(t, l, account(i)))
	}
	apply := j.Server.Command("kubectl", "apply", "-f", "-")
	apply.Stdin = strings.NewReader(strings.Join(texts, "---\n"))
	if out, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	j.waitForPermissions(t, m, account(len(lacks)))
	if code, stdout, stderr := labtest.RunCommand(t, j.command(account(len(lacks)))); code != 0 || strings.Contains(stdout+stderr, "orbidden") {
		t.Errorf("with every permission: exit code %d\n%s%s", code, stdout, stderr)
	}
	for i, l := range lacks {
		code, stdout, stderr := labtest.RunCommand(t, j.command(account(i)))
		if forbidden := strings.Contains(stdout+stderr, "orbidden") || strings.Contains(stderr, " cannot "+l.verb+" resource "); !forbidden {
			a := m.attributes(l)
			t.Errorf("without %s on %s %s: exit code %d\n%s%s", a.Verb, a.Resource, a.Name, code, stdout, stderr)
		}
	}
}

// command runs the script as an account.
func (j permissionsJob) command(account string) *exec.Cmd {
	cmd := exec.Command("dash", "-euc", `b() { bootctl --as "system:serviceaccount:kube-system:$AS_NAME" "$@"; }`+"\n"+j.script)
	cmd.Dir, cmd.Env = j.dir, append(j.Server.Command("bootctl").Env, "AS_NAME="+account, "SERVER="+j.Server.URL(), "CA="+j.Server.CAFile)
	return cmd
}

// waitForPermissions waits until the API server allows the account all that it should.
func (j permissionsJob) waitForPermissions(t *testing.T, m manifest, account string) {
	t.Helper()
	client := j.ClientAs(t, "")
	var all []authorizationv1.ResourceAttributes
	for _, l := range m.lacks() {
		all = append(all, m.attributes(l))
	}
	j.Eventually(t, "permissions of "+account, func() bool {
		allowed, err := kubeclient.Can(t.Context(), client.AuthorizationV1(), "system:serviceaccount:kube-system:"+account, nil, all...)
		return err == nil && allowed
	})
}
