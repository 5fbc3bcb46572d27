package token

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/cluster-bootstrap/token/api"
)

// Info is what the Secret of a token says, well formed or not.
type Info struct {
	Spec
	// SecretName is the name of the Secret.
	SecretName string
	// UID is that of the Secret.
	UID string
	// ID is what the Secret's name says; the name is what the API server
	// finds a token by. Empty when the name is not one of a token.
	ID string
	// Created is when the Secret was made, by the clock of the API server.
	Created time.Time
	// Problem says why the API server would not take the Secret for a token,
	// whenever it is asked; empty when it would. It tells all that is wrong.
	Problem string
	// Notes tell what is odd, and does no harm to the token.
	Notes []string

	version       string // of the Secret, to change or delete what was read
	unsigned      string // what of the problem is one for the bootstrap signer, too
	wrongType     bool   // whether its type is another
	unreadableEnd bool   // whether there is an expiration that is none
}

// proxyDescription is what kubeadm writes into a token that nobody joins with.
// Source: kubeadm, phases/copycerts, createShortLivedBootstrapToken.
const proxyDescription = "Proxy for managing TTL for the kubeadm-certs secret"

// IsProxy says whether the token stands for the lifetime of the Secret
// kubeadm-certs, which is deleted with it.
func (i Info) IsProxy() bool { return i.Description == proxyDescription }

// Valid says whether the token is well formed and not expired at now.
func (i Info) Valid(now time.Time) bool { return i.Problem == "" && !i.Expired(now) }

// Expired says whether the token is past its end at now, which is also what an
// expiration that cannot be read means: the token cleaner deletes both.
func (i Info) Expired(now time.Time) bool {
	return i.unreadableEnd || !i.Expires.IsZero() && !i.Expires.After(now)
}

// Signs says whether cluster-info is signed with the token at now. Groups do
// not matter for that, not even malformed ones.
// Source: the bootstrap signer of Kubernetes, validateSecretForSigning.
func (i Info) Signs(now time.Time) bool {
	return i.unsigned == "" && !i.Token.IsZero() && i.Has(Signing) && !i.Expired(now)
}

// CountSigning returns how many of the tokens sign cluster-info at now.
func CountSigning(tokens []Info, now time.Time) int {
	signing := 0
	for _, tok := range tokens {
		if tok.Signs(now) {
			signing++
		}
	}
	return signing
}

// Authenticates says whether the API server accepts the token at now.
// Source: plugin/pkg/auth/authenticator/token/bootstrap of Kubernetes.
func (i Info) Authenticates(now time.Time) bool { return i.Valid(now) && i.Has(Authentication) }

// Has says whether the token has the usage.
func (i Info) Has(usage string) bool { return slices.Contains(i.Usages, usage) }

// Read reads the Secret of a token. It never fails: what is wrong with the
// Secret is in Problem, and what can be read is in the other fields.
func Read(secret *corev1.Secret) Info {
	info := Info{
		SecretName: secret.Name, UID: string(secret.UID), Created: secret.CreationTimestamp.Time,
		version: secret.ResourceVersion, wrongType: secret.Type != api.SecretTypeBootstrapToken,
	}
	if id, named := strings.CutPrefix(secret.Name, api.BootstrapTokenSecretPrefix); named {
		info.ID, _ = ParseID(id)
	}
	hidden := secretMasker(value(secret, api.BootstrapTokenSecretKey))
	info.Description = hidden(value(secret, api.BootstrapTokenDescriptionKey))
	info.readUsages(secret)
	if groups := value(secret, api.BootstrapTokenExtraGroupsKey); groups != "" {
		info.Groups = strings.Split(groups, ",")
	}
	for i, group := range info.Groups {
		if !IsGroup(group) { // which may be a token in the wrong place
			info.Groups[i] = hidden(Redact(group))
		}
	}
	problems := info.identity(secret)
	info.unsigned = strings.Join(problems, "; ")
	problems = append(problems, info.scope()...)
	if secret.DeletionTimestamp != nil {
		problems = append(problems, "its Secret is being deleted")
	}
	info.Problem = strings.Join(problems, "; ")
	info.note(secret)
	for i, note := range info.Notes {
		info.Notes[i] = hidden(note)
	}
	return info
}

// value returns what a Secret holds under the key.
func value(secret *corev1.Secret, key string) string { return string(secret.Data[key]) }

// secretMasker returns a function that hides a token-secret wherever it stands.
func secretMasker(secretHalf string) func(string) string {
	return func(text string) string {
		if len(secretHalf) < secretLength/2 { // it would hide what stands there by chance
			return text
		}
		return strings.ReplaceAll(text, secretHalf, strings.Repeat("*", secretLength))
	}
}

// identity reads what each controller and the API server need, and returns what
// is wrong with it.
func (i *Info) identity(secret *corev1.Secret) []string {
	var problems []string
	if i.wrongType {
		problems = append(problems, "its type is not "+string(api.SecretTypeBootstrapToken))
	}
	if text := value(secret, api.BootstrapTokenExpirationKey); text != "" {
		end, err := time.Parse(time.RFC3339, text)
		if err != nil {
			i.unreadableEnd = true
			problems = append(problems, "its expiration is not a time of RFC 3339, which counts as expired")
		} else {
			i.Expires = bounded(end)
		}
	}
	named := i.ID != "" && value(secret, api.BootstrapTokenIDKey) == i.ID
	if !named {
		problems = append(problems, "its token-id is not what the name of the Secret says")
	}
	secretHalf := value(secret, api.BootstrapTokenSecretKey)
	if len(secretHalf) != secretLength || firstInvalid(secretHalf) >= 0 {
		problems = append(problems, "its token-secret is not 16 characters of a-z and 0-9")
	} else if named {
		i.Token = Token{i.ID, &secretHalf}
	}
	return problems
}

// bounded returns a time that can be written in UTC, and that is not the zero
// time, which means never. No token lives to see the difference.
func bounded(end time.Time) time.Time {
	earliest, latest := time.Time{}.Add(time.Second), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	switch {
	case end.Before(earliest):
		return earliest
	case end.After(latest):
		return latest
	}
	return end
}

// scope returns what is wrong with the usages and groups.
func (i *Info) scope() []string {
	if len(i.Usages) == 0 {
		return []string{fmt.Sprintf("it has no usage, neither %s nor %s", Signing, Authentication)}
	}
	if !i.Has(Authentication) {
		return nil // nobody looks at the groups
	}
	var problems []string
	for _, group := range i.Groups {
		if !IsGroup(group) {
			problems = append(problems, fmt.Sprintf("group %q is not one below %s:", group, api.BootstrapDefaultGroup))
		}
	}
	return problems
}

func (i *Info) readUsages(secret *corev1.Secret) {
	for _, usage := range []string{Authentication, Signing} {
		switch text := value(secret, api.BootstrapTokenUsagePrefix+usage); {
		case text == "true":
			i.Usages = append(i.Usages, usage)
		case text != "" && text != "false":
			i.Notes = append(i.Notes, fmt.Sprintf("the usage %s counts only with the value true, and has another", usage))
		}
	}
}

// secretKeys are the keys of a Secret that Kubernetes reads.
var secretKeys = []string{
	api.BootstrapTokenIDKey, api.BootstrapTokenSecretKey, api.BootstrapTokenExpirationKey, api.BootstrapTokenDescriptionKey,
	api.BootstrapTokenExtraGroupsKey, api.BootstrapTokenUsageSigningKey, api.BootstrapTokenUsageAuthentication,
}

// note adds what is odd about the Secret.
func (i *Info) note(secret *corev1.Secret) {
	for _, key := range slices.Sorted(maps.Keys(secret.Data)) {
		if !slices.Contains(secretKeys, key) {
			i.Notes = append(i.Notes, fmt.Sprintf("nothing reads its key %q", key))
		}
	}
	if len(i.Groups) > 0 && !i.Has(Authentication) {
		i.Notes = append(i.Notes, "it has groups, which count only with the usage "+Authentication)
	}
	if weakness := i.Token.Weakness(); weakness != "" {
		i.Notes = append(i.Notes, "it is weak: "+weakness)
	}
	if i.IsProxy() {
		i.Notes = append(i.Notes, "kubeadm made it for the lifetime of the Secret kubeadm-certs, which is deleted with it")
	}
}
