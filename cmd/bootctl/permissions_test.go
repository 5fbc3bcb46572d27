package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/setup"
)

// A need is one line of the list of permissions in a command's help.
type need struct {
	namespace string
	rules     []rbacv1.PolicyRule
	// when is the condition in the line, such as "with --force".
	when string
}

// A job is a set of commands that one account runs.
type job struct {
	title, account, commands, text string
	// with are the conditions for which the account has permissions.
	with []string
}

func jobs() []job {
	return []job{
		{
			"Token manager", "bootctl-token-manager", "token create, token list, token extend, token check, token delete",
			"The account can read every Secret in `kube-system`, because RBAC cannot restrict `list` to bootstrap tokens. Protect it like an\n" +
				"administrator's. A created token can be in any group that begins with `system:bootstrappers:`.",
			[]string{"optional", "with --wait", "with --expired"},
		},
		{
			"CSR approver", "bootctl-csr-approver", "csr list, csr review, csr approve, csr deny, csr wait, csr delete",
			"The account can approve CSRs for the client and serving certificates of nodes. RBAC does not know the\n" +
				"[approval policy](approval-policy.md): with another client, the account can approve any CSR for these signers. For user certificates,\n" +
				"use `kubernetes.io/kube-apiserver-client` in `resourceNames`, and add `create` on `subjectaccessreviews`.",
			[]string{"with --node", "with filters", "with --denied and --failed", "for serving certificates"},
		},
		{
			"cluster-info publisher", "bootctl-publisher", "cluster-info show, cluster-info verify, cluster-info pin, cluster-info sign, cluster-info publish",
			"The account reads the tokens in `kube-system`, with which it signs, and every other Secret there. It can direct new nodes to another\n" +
				"address; without a pinned CA there, they do not join.",
			nil,
		},
		{
			"Doctor", "bootctl-doctor", "doctor",
			"The account changes nothing, but it can read every Secret in `kube-system`. Without `list` on `secrets`, the checks of tokens and\n" +
				"signatures are warnings (`Forbidden`), and the others still run. `--probe` is not included.",
			nil,
		},
		{
			"Setup", "bootctl-setup", "setup",
			"The account can let anyone become a node, but it can bind no other ClusterRole. `--force` and `--remove` are not included.",
			nil,
		},
	}
}

// apiGroups has the API group of each resource that the help of a command names.
var apiGroups = map[string]string{
	"configmaps": "", "secrets": "", "nodes": "", "services": "", "endpointslices": "discovery.k8s.io",
	"roles": rbacv1.GroupName, "rolebindings": rbacv1.GroupName, "clusterroles": rbacv1.GroupName, "clusterrolebindings": rbacv1.GroupName,
	"certificatesigningrequests": certificatesv1.GroupName, "certificatesigningrequests/approval": certificatesv1.GroupName, "signers": certificatesv1.GroupName,
	"subjectaccessreviews": "authorization.k8s.io",
}

// splitHelp returns the lines of the list of permissions in a help, and the note that
// follows it.
func splitHelp(long string) (lines []string, note string) {
	_, section, _ := strings.Cut(long, "\nPermissions:\n")
	for section != "" {
		line, rest, _ := strings.Cut(section, "\n")
		if !strings.HasPrefix(line, "  ") {
			break
		}
		lines, section = append(lines, strings.TrimSpace(line)), rest
	}
	return lines, strings.Join(strings.Fields(section), " ")
}

// parseNeed reads a line such as "get and list on secrets in kube-system, with --wait".
func parseNeed(line string) (need, error) {
	verbs, object, _ := strings.Cut(line, " on ")
	object, when, _ := strings.Cut(object, ", ")
	object, namespace, _ := strings.Cut(strings.TrimPrefix(object, "the "), " in ")
	resources, names := strings.Split(object, " and "), []string(nil)
	switch name, isConfigMap := strings.CutPrefix(object, "configmap "); {
	case isConfigMap:
		resources, names = []string{"configmaps"}, []string{name}
	case object == "signer":
		resources, names = []string{"signers"}, []string{csr.KubeletClient, csr.KubeletServing}
	case object == "clusterroles that setup binds":
		resources, names = []string{"clusterroles"}, boundClusterRoles()
	}
	n := need{namespace: namespace, when: when}
	for _, resource := range resources {
		group, found := apiGroups[resource]
		if !found {
			return need{}, fmt.Errorf("the resource %q in %q is unknown", resource, line)
		}
		n.rules = append(n.rules, rbacv1.PolicyRule{
			Verbs:     strings.Fields(strings.NewReplacer(",", " ", " and ", " ").Replace(verbs)),
			APIGroups: []string{group}, Resources: []string{resource}, ResourceNames: names,
		})
	}
	return n, nil
}

// boundClusterRoles returns the built-in ClusterRoles that setup binds.
func boundClusterRoles() []string {
	var names []string
	for _, o := range setup.Objects(setup.Options{}) {
		if strings.HasPrefix(o.RoleRef.Name, "system:") {
			names = append(names, o.RoleRef.Name)
		}
	}
	return names
}

// needs returns the permissions in the help of each command that needs any, by the
// command's path, and the help's lines as a row of the table.
func needs(t *testing.T) (needs map[string][]need, rows string) {
	t.Helper()
	needs = map[string][]need{}
	for _, leaf := range leaves(t) {
		path := pathOf(leaf)
		lines, note := splitHelp(leaf.Long)
		if flag := leaf.Flags().Lookup("kubeconfig"); (flag == nil || flag.Hidden) && len(lines) == 0 {
			continue // it uses no API server
		}
		for _, line := range lines {
			n, err := parseNeed(line)
			if err != nil {
				t.Errorf("help of bootctl %s: %v", path, err)
			}
			needs[path] = append(needs[path], n)
		}
		if len(lines) == 0 {
			t.Errorf("the help of bootctl %s has no list of permissions", path)
		}
		rows += fmt.Sprintf("| `%s` | %s | %s |\n", path, strings.Join(lines, "<br>"), note)
	}
	return needs, rows
}

// manifests returns the YAML of the objects that give the account of a job the permissions
// of its commands.
func (j job) manifests(t *testing.T, needs map[string][]need) string {
	t.Helper()
	rules := map[string][]rbacv1.PolicyRule{} // by namespace
	for command := range strings.SplitSeq(j.commands, ", ") {
		if needs[command] == nil {
			t.Errorf("the command bootctl %s of %s needs no permissions", command, j.title)
		}
		for _, n := range needs[command] {
			if n.when == "" || slices.Contains(j.with, n.when) {
				rules[n.namespace] = append(rules[n.namespace], n.rules...)
			}
		}
	}
	yaml := fmt.Sprintf("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: %s, namespace: kube-system}\n", j.account)
	for _, namespace := range slices.Sorted(maps.Keys(rules)) {
		kind, meta := "ClusterRole", "{name: "+j.account+"}"
		if namespace != "" {
			kind, meta = "Role", "{name: "+j.account+", namespace: "+namespace+"}"
		}
		header := "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: %s\nmetadata: " + meta + "\n"
		yaml += fmt.Sprintf(header+"rules:\n%s", kind, rulesText(merge(rules[namespace])))
		yaml += fmt.Sprintf(header+"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %s, name: %s}\nsubjects:\n- {kind: ServiceAccount, name: %s, namespace: kube-system}\n",
			kind+"Binding", kind, j.account, j.account)
	}
	return yaml
}

func rulesText(rules []rbacv1.PolicyRule) string {
	var text string
	for _, r := range rules {
		names := ""
		if len(r.ResourceNames) > 0 {
			names = "resourceNames: [" + strings.Join(r.ResourceNames, ", ") + "], "
		}
		text += fmt.Sprintf("- {apiGroups: [%q], resources: [%s], %sverbs: [%s]}\n", r.APIGroups[0], r.Resources[0], names, strings.Join(r.Verbs, ", "))
	}
	return text
}

// merge returns one rule for each resource and its names, and drops the verbs on named
// objects that another rule allows for all objects.
func merge(rules []rbacv1.PolicyRule) []rbacv1.PolicyRule {
	merged := map[string]rbacv1.PolicyRule{} // by resource and names
	for _, named := range []bool{false, true} {
		for _, r := range rules {
			if (len(r.ResourceNames) > 0) != named {
				continue
			}
			key := r.Resources[0] + strings.Join(r.ResourceNames, ",")
			known := append(slices.Clone(merged[key].Verbs), merged[r.Resources[0]].Verbs...)
			verbs := slices.DeleteFunc(slices.Clone(r.Verbs), func(verb string) bool { return slices.Contains(known, verb) })
			if len(verbs) > 0 {
				r.Verbs = slices.Sorted(slices.Values(append(verbs, merged[key].Verbs...)))
				merged[key] = r
			}
		}
	}
	var all []rbacv1.PolicyRule
	for _, key := range slices.Sorted(maps.Keys(merged)) {
		all = append(all, merged[key])
	}
	return all
}

func permissionsPage(t *testing.T) string {
	t.Helper()
	needs, rows := needs(t)
	var out strings.Builder
	out.WriteString(`# Permissions

bootctl uses the permissions of the user in your kubeconfig. A command that lacks one exits with code 8 (` + "`Forbidden`" + `) and names it.
This page lists the permissions of each command, and has a manifest for each usual job.

## Commands

The list is the same as in ` + "`--help`" + `. Without an optional permission, a command still succeeds and prints less. bootctl also uses
permissions that every authenticated user has by default: to read the server's version, and to check its own user and permissions.
The signer is the resource ` + "`signers`" + `, with the CSR's signer name or all names of its domain, such as ` + "`kubernetes.io/*`" + `:
[Certificate signing requests](https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization).

| command | permissions | notes |
|---|---|---|
` + rows + `
## Manifests

Save a manifest to a file, and apply it as a cluster administrator with ` + "`kubectl apply -f FILE`" + `. It creates a ServiceAccount with
exactly the permissions that the commands need. To give them to a person, replace the ServiceAccount in ` + "`subjects`" + ` with a user or a
group. To test them, run a command with ` + "`--as system:serviceaccount:kube-system:NAME`" + `.
`)
	for _, j := range jobs() {
		var commands []string
		for command := range strings.SplitSeq(j.commands, ", ") {
			commands = append(commands, "`"+command+"`")
		}
		fmt.Fprintf(&out, "\n### %s\n\nCommands: %s.\n%s\n\n```yaml\n%s```\n", j.title, strings.Join(commands, ", "), j.text, j.manifests(t, needs))
	}
	return out.String()
}
