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

// DefaultGroup is the group of the node tokens that kubeadm creates.
const DefaultGroup = "system:bootstrappers:kubeadm:default-node-token"

// The usages that Kubernetes defines.
const (
	Signing        = "signing"
	Authentication = "authentication"
)

// ErrInvalidSpec means that a Spec does not describe a valid token.
var ErrInvalidSpec = errors.New("invalid token settings")

// Spec describes a token.
type Spec struct {
	Token Token
	// Expires is when the token expires; the zero time means never.
	Expires time.Time
	// Usages are Signing, Authentication or both.
	Usages []string
	// Groups are the groups that the token authenticates as, in addition to
	// system:bootstrappers. They require the usage Authentication.
	Groups      []string
	Description string
}

// Validate returns an error that matches ErrInvalidSpec if the API server or a
// controller would reject or misread the Secret of s.
func (s Spec) Validate() error {
	badUsage := slices.IndexFunc(s.Usages, func(usage string) bool { return usage != Signing && usage != Authentication })
	badGroup := slices.IndexFunc(s.Groups, func(group string) bool { return !IsGroup(group) })
	switch {
	case s.Token.IsZero():
		return fmt.Errorf("%w: the token is missing", ErrInvalidSpec)
	case len(s.Usages) == 0:
		return fmt.Errorf("%w: at least one usage is required: %s, %s or both", ErrInvalidSpec, Signing, Authentication)
	case badUsage >= 0:
		return fmt.Errorf("%w: usage %q is neither %s nor %s", ErrInvalidSpec, s.Usages[badUsage], Signing, Authentication)
	case len(s.Groups) > 0 && !slices.Contains(s.Usages, Authentication):
		return fmt.Errorf("%w: groups require the usage %s", ErrInvalidSpec, Authentication)
	case badGroup >= 0:
		return fmt.Errorf("%w: group %q must be system:bootstrappers: followed by a-z, 0-9, colons and dashes, and end with a letter or digit",
			ErrInvalidSpec, s.Groups[badGroup])
	}
	return checkExpiration(s.Expires)
}

// IsGroup reports whether the API server allows a token to authenticate as the group.
// Format: api.BootstrapGroupPattern. That regular expression is not used because it
// takes longer to compile than the rest of bootctl takes to start.
func IsGroup(name string) bool {
	rest, ok := strings.CutPrefix(name, api.BootstrapDefaultGroup+":")
	return ok && rest != "" && len(rest) <= 256 && strings.Trim(rest, alphabet+":-") == "" && !strings.ContainsAny(rest[len(rest)-1:], ":-")
}

// Secret returns the Secret that holds the token, byte for byte as kubeadm
// writes it.
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

// checkExpiration returns an error that matches ErrInvalidSpec if no component could
// parse the time as formatExpiration writes it.
func checkExpiration(t time.Time) error {
	if year := t.UTC().Year(); year < 0 || year > 9999 {
		return fmt.Errorf("%w: the year %d does not have four digits", ErrInvalidSpec, year)
	}
	return nil
}

// formatExpiration formats an expiration as kubeadm does: in seconds and UTC.
func formatExpiration(t time.Time) string { return t.UTC().Format(time.RFC3339) }
