package kubeclient_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

func TestVersion(t *testing.T) {
	tests := []struct {
		name   string
		status int
		kind   string
		body   string
		want   string
		is     func(error) bool
	}{
		{"version", 200, "application/json", `{"gitVersion":"v1.37.2"}`, "v1.37.2", func(err error) bool { return err == nil }},
		{"credentials refused", 401, "application/json", `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":401}`, "", apierrors.IsUnauthorized},
		{"another server", 200, "application/json", `{"gitVersion":`, "", matching(kubeclient.ErrNotAPIServer)},
		{"a page", 200, "text/html", `<html>`, "", matching(kubeclient.ErrNotAPIServer)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/version" {
					t.Errorf("path %s", r.URL.Path)
				}
				w.Header().Set("Content-Type", test.kind)
				w.WriteHeader(test.status)
				_, _ = fmt.Fprint(w, test.body)
			})
			client, err := kubeclient.New(config, kubeclient.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := client.Version(t.Context()); got.GitVersion != test.want || !test.is(err) {
				t.Errorf("Version = %q, %v", got.GitVersion, err)
			}
		})
	}
}

func matching(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}
