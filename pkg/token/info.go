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

// Info is the content of a token's Secret, valid or not.
type Info struct {
	Spec
	// SecretName is the name of the Secret.
	SecretName string
	// UID is the UID of the Secret.
	UID string
	// ID is the token ID in the Secret's name, by which the API server finds a
	// token. It is empty if the name is not the name of a token's Secret.
	ID string
	// Created is the creation time of the Secret, by the clock of the API server.
	Created time.Time
	// Problem lists every reason why the API server would reject the Secret as a
	// token at any time; empty if there is none.
	Problem string
	// Notes list oddities that do not affect the token.
	Notes []string

	version        string // the Secret's resourceVersion, a precondition of changes
	unsigned       string // the part of Problem that also applies to the bootstrap signer
	wrongType      bool   // whether the Secret has another type
	invalidExpires bool   // whether the expiration cannot be parsed
}

// proxyDescription is the description of a kubeadm token that is not for joining.
// Source: kubeadm, phases/copycerts, createShortLivedBootstrapToken.
const proxyDescription = "Proxy for managing TTL for the kubeadm-certs secret"

// IsProxy reports whether kubeadm created the token to limit the lifetime of the
// Secret kubeadm-certs, which is deleted with the token.
func (i Info) IsProxy() bool { return i.Description == proxyDescription }

// Valid reports whether the token is well formed and has not expired at now.
func (i Info) Valid(now time.Time) bool { return i.Problem == "" && !i.Expired(now) }

// Expired reports whether the token has expired at now. A token whose expiration
// cannot be parsed counts as expired: the token cleaner deletes both.
func (i Info) Expired(now time.Time) bool {
	return i.invalidExpires || !i.Expires.IsZero() && !i.Expires.After(now)
}

// Signs reports whether the bootstrap signer signs cluster-info with the token at now.
// Groups do not matter for that, even if they are malformed.
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

// Authenticates reports whether the API server accepts the token at now.
// Source: plugin/pkg/auth/authenticator/token/bootstrap of Kubernetes.
func (i Info) Authenticates(now time.Time) bool { return i.Valid(now) && i.Has(Authentication) }

// Has reports whether the token has the usage.
func (i Info) Has(usage string) bool { return slices.Contains(i.Usages, usage) }

// Read reads a token's Secret. It never fails: Problem lists what is wrong with
// the Secret, and the other fields hold what can be read.
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
		if !IsGroup(group) { // it may be a misplaced token
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

// value returns the value that a Secret has for the key.
func value(secret *corev1.Secret, key string) string { return string(secret.Data[key]) }

// secretMasker returns a function that hides a token-secret wherever it occurs.
func secretMasker(secretHalf string) func(string) string {
	return func(text string) string {
		if len(secretHalf) < secretLength/2 { // a short value could match other text by chance
			return text
		}
		return strings.ReplaceAll(text, secretHalf, strings.Repeat("*", secretLength))
	}
}

// identity reads what the controllers and the API server require of every token, and
// returns what is wrong with it.
func (i *Info) identity(secret *corev1.Secret) []string {
	var problems []string
	if i.wrongType {
		problems = append(problems, "its type is not "+string(api.SecretTypeBootstrapToken))
	}
	if text := value(secret, api.BootstrapTokenExpirationKey); text != "" {
		end, err := time.Parse(time.RFC3339, text)
		if err != nil {
			i.invalidExpires = true
			problems = append(problems, "its expiration is not an RFC 3339 time, so it counts as expired")
		} else {
			i.Expires = bounded(end)
		}
	}
	named := i.ID != "" && value(secret, api.BootstrapTokenIDKey) == i.ID
	if !named {
		problems = append(problems, "its token-id does not match the name of the Secret")
	}
	secretHalf := value(secret, api.BootstrapTokenSecretKey)
	if len(secretHalf) != secretLength || firstInvalid(secretHalf) >= 0 {
		problems = append(problems, "its token-secret is not 16 characters of a-z and 0-9")
	} else if named {
		i.Token = Token{i.ID, &secretHalf}
	}
	return problems
}

// bounded returns a time that can be formatted in UTC and is not the zero time, which
// means never. No token exists long enough for the difference to matter.
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
		return nil // the groups are ignored
	}
	var problems []string
	for _, group := range i.Groups {
		if !IsGroup(group) {
			problems = append(problems, fmt.Sprintf("group %q is not a valid group below %s:", group, api.BootstrapDefaultGroup))
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
			i.Notes = append(i.Notes, fmt.Sprintf("the usage %s is ignored because its value is not true", usage))
		}
	}
}

// secretKeys are the keys of a token's Secret that Kubernetes reads.
var secretKeys = []string{
	api.BootstrapTokenIDKey, api.BootstrapTokenSecretKey, api.BootstrapTokenExpirationKey, api.BootstrapTokenDescriptionKey,
	api.BootstrapTokenExtraGroupsKey, api.BootstrapTokenUsageSigningKey, api.BootstrapTokenUsageAuthentication,
}

// note adds what is odd about the Secret to Notes.
func (i *Info) note(secret *corev1.Secret) {
	for _, key := range slices.Sorted(maps.Keys(secret.Data)) {
		if !slices.Contains(secretKeys, key) {
			i.Notes = append(i.Notes, fmt.Sprintf("Kubernetes ignores its key %q", key))
		}
	}
	if len(i.Groups) > 0 && !i.Has(Authentication) {
		i.Notes = append(i.Notes, "its groups are ignored without the usage "+Authentication)
	}
	if weakness := i.Token.Weakness(); weakness != "" {
		i.Notes = append(i.Notes, "it is weak: "+weakness)
	}
	if i.IsProxy() {
		i.Notes = append(i.Notes, "kubeadm created it to limit the lifetime of the Secret kubeadm-certs, which is deleted with it")
	}
}
