package csr_test

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"testing"

	"github.com/bootctl/bootctl/pkg/csr"
)

// The names were derived by the kubelet's code, which lab/compat runs again.
func TestNewNodeRequest_KubeletNames(t *testing.T) {
	text, err := os.ReadFile("testdata/names.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ NodeName, Key, Name string }
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, v := range vectors {
		key, err := csr.ParseKey([]byte(v.Key))
		if err != nil {
			t.Fatal(err)
		}
		spec, err := csr.NewNodeRequest(v.NodeName, key, rand.Reader)
		if err != nil || spec.Name != v.Name {
			t.Errorf("node %s: name %s, want %s (%v)", v.NodeName, spec.Name, v.Name, err)
		}
	}
}
