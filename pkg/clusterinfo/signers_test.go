package clusterinfo_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// The bootstrap signer ignores groups.
func TestSign_AnyGroup(t *testing.T) {
	document := []byte(testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(t).Certificate)))
	for name, change := range map[string]func(*corev1.Secret){
		"bad group": func(s *corev1.Secret) { s.Data["auth-extra-groups"] = []byte("x") },
		"groups without authentication": func(s *corev1.Secret) {
			s.Data["auth-extra-groups"] = []byte(token.DefaultGroup)
			delete(s.Data, "usage-bootstrap-authentication")
		},
	} {
		t.Run(name, func(t *testing.T) {
			secret := secretOf(t, "abcdef")
			change(secret)
			client := fakeCore(t, secret)
			if _, err := testcluster.Publish(t, client, document); err != nil {
				t.Fatal(err)
			}
			info, err := clusterinfo.Fetch(t.Context(), client)
			if err != nil || !slices.Equal(info.TokenIDs(), []string{"abcdef"}) {
				t.Errorf("signed with %v, %v", info.TokenIDs(), err)
			}
			info.Signatures = map[string]string{"abcdef": clusterinfo.Sign(document, testcluster.ParseToken(t))}
			states := clusterinfo.CheckAll(info, []token.Info{token.Read(secret)}, testcluster.Now)
			if len(states) != 1 || states[0].State != clusterinfo.Valid {
				t.Errorf("states %v, want valid", states)
			}
		})
	}
}
