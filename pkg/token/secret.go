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
	badUsage := slices.IndexFunc(s.Usages, func(usage string) bool { return usage != Signing && usage != Authentication })
	badGroup := slices.IndexFunc(s.Groups, func(group string) bool { return !IsGroup(group) })
	switch {
	case s.Token.IsZero():
		return fmt.Errorf("%w: there is no token", ErrInvalidSpec)
	case len(s.Usages) == 0:
		return fmt.Errorf("%w: it needs a usage, %s or %s or both", ErrInvalidSpec, Signing, Authentication)
	case badUsage >= 0:
		return fmt.Errorf("%w: usage %q is neither %s nor %s", ErrInvalidSpec, s.Usages[badUsage], Signing, Authentication)
	case len(s.Groups) > 0 && !slices.Contains(s.Usages, Authentication):
		return fmt.Errorf("%w: groups need the usage %s", ErrInvalidSpec, Authentication)
	case badGroup >= 0:
		return fmt.Errorf("%w: group %q is not system:bootstrappers: and then a-z, 0-9, colons and dashes, the last of them a letter or digit",
			ErrInvalidSpec, s.Groups[badGroup])
	}
	return checkExpiration(s.Expires)
}

// IsGroup says whether the API server lets a token authenticate as the group.
// Format: api.BootstrapGroupPattern, whose regular expression takes longer to
// compile than the rest of bootctl to start.
func IsGroup(name string) bool {
	rest, ok := strings.CutPrefix(name, api.BootstrapDefaultGroup+":")
	return ok && rest != "" && len(rest) <= 256 && strings.Trim(rest, alphabet+":-") == "" && !strings.ContainsAny(rest[len(rest)-1:], ":-")
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
		data[api.BootstrapTokenExpirationKey] = []byte(formatExpiration(s.Expires))
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

func secretName(id string) string { return api.BootstrapTokenSecretPrefix + id }

// checkExpiration returns an error that matches ErrInvalidSpec when nobody could
// read the time as formatExpiration writes it.
func checkExpiration(t time.Time) error {
	if year := t.UTC().Year(); year < 0 || year > 9999 {
		return fmt.Errorf("%w: the year %d has not four digits", ErrInvalidSpec, year)
	}
	return nil
}

// formatExpiration writes the end of a token as kubeadm does: in seconds and UTC.
func formatExpiration(t time.Time) string { return t.UTC().Format(time.RFC3339) }
