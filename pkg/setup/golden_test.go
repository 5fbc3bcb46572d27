package setup_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/bootctl/bootctl/pkg/setup"
)

// The golden objects are the ones that kubeadm init creates. A difference means a change
// of permissions.
func TestObjects_Golden(t *testing.T) {
	for _, approval := range []setup.Approval{setup.AutoApproveNodes, setup.AutoApproveNone} {
		t.Run(string(approval), func(t *testing.T) {
			var got bytes.Buffer
			encoder := json.NewEncoder(&got)
			encoder.SetIndent("", "  ")
			for _, object := range setup.Objects(setup.Options{Approval: approval}) {
				if err := encoder.Encode(struct {
					Is string
					setup.Object
				}{object.String(), object}); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(filepath.Join("testdata", "objects_"+string(approval)+".json"))
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("objects are\n%s\nwant\n%s", got.String(), want)
			}
		})
	}
}
