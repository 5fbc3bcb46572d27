package clusterinfo_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// recorded returns what one release of Kubernetes wrote: cluster-info as written by
// kubeadm and the bootstrap signer, and the Secret of the token that signed it.
func recorded(t *testing.T, file string) (*corev1.ConfigMap, *corev1.Secret) {
	t.Helper()
	var list struct{ Items [2]json.RawMessage }
	var configMap corev1.ConfigMap
	var secret corev1.Secret
	if err := json.Unmarshal(readFile(t, file), &list); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(list.Items[0], &configMap); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(list.Items[1], &secret); err != nil {
		t.Fatal(err)
	}
	return &configMap, &secret
}

func TestParseDocument_RecordedReleases(t *testing.T) {
	files, err := filepath.Glob("testdata/recorded/*.json")
	if err != nil || len(files) != 10 {
		t.Fatalf("%d recorded releases (%v), want 1.28 to 1.37", len(files), err)
	}
	at := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			configMap, secret := recorded(t, file)
			info, err := clusterinfo.Fetch(t.Context(), fakeCore(t, configMap))
			if err != nil {
				t.Fatal(err)
			}
			tok := token.Read(secret)
			if !tok.Valid(at) || !slices.Equal(tok.Usages, []string{token.Authentication, token.Signing}) || !slices.Equal(tok.Groups, []string{token.DefaultGroup}) {
				t.Errorf("the token reads as %+v", tok)
			}
			states := clusterinfo.CheckAll(info, []token.Info{tok}, at)
			if len(states) != 1 || states[0].State != clusterinfo.Valid {
				t.Errorf("signatures %v, want one valid signature", states)
			}
			document, err := clusterinfo.ParseDocument(info.Raw)
			if err != nil || document.Server != "10.0.0.1:6443" || len(document.CAs) != 1 {
				t.Errorf("a document of %q with %d CAs, %v", document.Server, len(document.CAs), err)
			}
		})
	}
}
