package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cluster-bootstrap/token/api"
)

// DefaultGroup is the group that kubeadm gives to the tokens of nodes.
const DefaultGroup = "system:bootstrappers:kubeadm:default-node-token"

// The two usages that Kubernetes knows.
const (
	Signing        = "signing"
	Authentication = "authentication"
)

// ErrInvalidSpec means that a token cannot be made as asked.
var ErrInvalidSpec = errors.New("the token cannot be made so")

// Spec says what a token is to be.
type Spec struct {
	Token Token
	// Expires is when the token ends; the zero time means never.
	Expires time.Time
	// Usages are Signing, Authentication or both.
	Usages []string
	// Groups are what the token authenticates as, beside
	// system:bootstrappers. They need the usage Authentication.
	Groups      []string
	Description string
}

// Validate returns an error that matches ErrInvalidSpec when the API server or
// a controller would not take a Secret made from s for what it is meant to be.
func (s Spec) Validate() error {
	if s.Token.IsZero() {
		return fmt.Errorf("%w: there is no token", ErrInvalidSpec)
	}
	if len(s.Usages) == 0 {
		return fmt.Errorf("%w: it needs a usage, %s or %s or both", ErrInvalidSpec, Signing, Authentication)
	}
	for _, usage := range s.Usages {
		if usage != Signing && usage != Authentication {
			return fmt.Errorf("%w: usage %q is neither %s nor %s", ErrInvalidSpec, usage, Signing, Authentication)
		}
	}
	if len(s.Groups) > 0 && !slices.Contains(s.Usages, Authentication) {
		return fmt.Errorf("%w: groups need the usage %s", ErrInvalidSpec, Authentication)
	}
	for _, group := range s.Groups {
		if !isGroup(group) {
			return fmt.Errorf("%w: group %q is not system:bootstrappers: and then a-z, 0-9, colons and dashes, the last of them a letter or digit", ErrInvalidSpec, group)
		}
	}
	return nil
}

// isGroup says whether the API server lets a token authenticate as the group.
// Format: api.BootstrapGroupPattern, whose regular expression takes longer to
// compile than the rest of bootctl to start.
func isGroup(name string) bool {
	rest, ok := strings.CutPrefix(name, api.BootstrapDefaultGroup+":")
	if !ok || rest == "" || len(rest) > 256 {
		return false
	}
	return strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789:-") == "" && !strings.ContainsAny(rest[len(rest)-1:], ":-")
}

// Secret returns the Secret that holds the token, byte for byte as kubeadm
// would write it.
func (s Spec) Secret() *corev1.Secret {
	data := map[string][]byte{
		api.BootstrapTokenIDKey:     []byte(s.Token.ID()),
		api.BootstrapTokenSecretKey: []byte(s.Token.Secret()),
	}
	if s.Description != "" {
		data[api.BootstrapTokenDescriptionKey] = []byte(s.Description)
	}
	if !s.Expires.IsZero() {
		data[api.BootstrapTokenExpirationKey] = []byte(s.Expires.UTC().Format(time.RFC3339))
	}
	for _, usage := range s.Usages {
		data[api.BootstrapTokenUsagePrefix+usage] = []byte("true")
	}
	if len(s.Groups) > 0 {
		data[api.BootstrapTokenExtraGroupsKey] = []byte(strings.Join(s.Groups, ","))
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: secretName(s.Token.ID()), Namespace: metav1.NamespaceSystem},
		Type:       api.SecretTypeBootstrapToken,
		Data:       data,
	}
}

// Info is what the Secret of a token says, well formed or not.
type Info struct {
	Spec
	// SecretName is the name of the Secret.
	SecretName string
	// ID is what the Secret's name says; the name is what the API server
	// finds a token by. Empty when the name is not one of a token.
	ID string
	// Created is when the Secret was made.
	Created time.Time
	// Problem says why the API server and the controllers would not take the
	// Secret for a token; empty when they would.
	Problem string
}

// Live says whether the token is well formed and not expired at now.
func (i Info) Live(now time.Time) bool { return i.Problem == "" && i.unexpired(now) }

// Signs says whether cluster-info is signed with the token at now. Groups do
// not matter for that, not even malformed ones.
// Source: the bootstrap signer of Kubernetes, validateSecretForSigning.
func (i Info) Signs(now time.Time) bool {
	return !i.Token.IsZero() && i.Has(Signing) && i.unexpired(now)
}

func (i Info) unexpired(now time.Time) bool { return i.Expires.IsZero() || i.Expires.After(now) }

// Has says whether the token has the usage.
func (i Info) Has(usage string) bool { return slices.Contains(i.Usages, usage) }

// Read reads the Secret of a token. It never fails: what is wrong with the
// Secret is in Problem, and what can be read is in the other fields.
func Read(secret *corev1.Secret) Info {
	get := func(key string) string { return string(secret.Data[key]) }
	info := Info{SecretName: secret.Name, Created: secret.CreationTimestamp.Time}
	info.Description = get(api.BootstrapTokenDescriptionKey)
	if groups := get(api.BootstrapTokenExtraGroupsKey); groups != "" {
		info.Groups = strings.Split(groups, ",")
	}
	for _, usage := range []string{Authentication, Signing} {
		if get(api.BootstrapTokenUsagePrefix+usage) == "true" {
			info.Usages = append(info.Usages, usage)
		}
	}
	id, named := strings.CutPrefix(secret.Name, api.BootstrapTokenSecretPrefix)
	if _, err := ParseID(id); err == nil && named {
		info.ID = id
	}
	info.Problem = info.read(get)
	if info.Problem == "" && secret.DeletionTimestamp != nil {
		info.Problem = "its Secret is being deleted"
	}
	return info
}

// read fills in what can be malformed and returns what is.
func (i *Info) read(get func(key string) string) string {
	var err error
	if text := get(api.BootstrapTokenExpirationKey); text != "" {
		if i.Expires, err = time.Parse(time.RFC3339, text); err != nil {
			return "its expiration is not a time of RFC 3339"
		}
	}
	if i.ID == "" || get(api.BootstrapTokenIDKey) != i.ID {
		return "its token-id is not what the name of the Secret says"
	}
	if i.Token, err = Parse(i.ID + "." + get(api.BootstrapTokenSecretKey)); err != nil {
		return "its token-secret is not 16 characters of a-z and 0-9"
	}
	if err := i.Validate(); err != nil {
		return strings.TrimPrefix(err.Error(), ErrInvalidSpec.Error()+": ")
	}
	return ""
}

func secretName(id string) string { return api.BootstrapTokenSecretPrefix + id }
