package token_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/token"
)

func TestExtend(t *testing.T) {
	before := func(s *token.Spec) { s.Expires, s.Description = anHour, "rack 7" }
	tests := []struct {
		name    string
		expires time.Time
		want    string // the expiration; empty: the key is gone
	}{
		{"later", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "2026-01-02T03:04:05Z"},
		{"later, in another zone", time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("CET", 3600)), "2026-01-02T03:04:05Z"},
		{"later, with a fraction of a second", time.Date(2026, 1, 2, 3, 4, 5, 999, time.UTC), "2026-01-02T03:04:05Z"},
		{"sooner", anHour.Add(-time.Minute), "2026-01-01T00:59:00Z"},
		{"never", time.Time{}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := fakeCore(t, secretOf(t, before))
			info, err := token.Extend(t.Context(), client, token.Read(secretOf(t, before)), test.expires)
			if err != nil {
				t.Fatal(err)
			}
			if !info.Expires.Equal(test.expires.Truncate(time.Second)) || info.Problem != "" || info.Matches(parse(t, goodText)) != nil {
				t.Errorf("after Extend: expires %v, problem %q", info.Expires, info.Problem)
			}
			wantVerbs(t, client, "patch")
			wantPatch(t, client.Actions()[0], test.want)

			left, err := client.Secrets("kube-system").Get(t.Context(), "bootstrap-token-abcdef", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if expiration, ok := left.Data["expiration"]; string(expiration) != test.want || ok != (test.want != "") {
				t.Errorf("stored expiration %q", expiration)
			}
			wantSameButTheEnd(t, left, secretOf(t, before))
		})
	}
}

// wantPatch checks for a merge patch that changes only the expiration of the token that was read.
func wantPatch(t *testing.T, action clienttesting.Action, expiration string) {
	t.Helper()
	var value any
	if expiration != "" {
		value = base64.StdEncoding.EncodeToString([]byte(expiration))
	}
	want := map[string]any{
		"metadata": map[string]any{"uid": "uid-1", "resourceVersion": "7"},
		"data":     map[string]any{"expiration": value},
	}
	patch := action.(clienttesting.PatchActionImpl)
	var got map[string]any
	if err := json.Unmarshal(patch.Patch, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("patch %s, %v, want %v", patch.Patch, err, want)
	}
	if patch.PatchType != types.MergePatchType || patch.Name != "bootstrap-token-abcdef" || patch.Subresource != "" {
		t.Errorf("patch of type %q to %q, %q", patch.PatchType, patch.Name, patch.Subresource)
	}
}

func wantSameButTheEnd(t *testing.T, got, want *corev1.Secret) {
	t.Helper()
	delete(got.Data, "expiration")
	delete(want.Data, "expiration")
	if got.Type != want.Type || !maps.EqualFunc(got.Data, want.Data, slices.Equal) {
		t.Errorf("left %s of type %s, want %s", slices.Sorted(maps.Keys(got.Data)), got.Type, slices.Sorted(maps.Keys(want.Data)))
	}
}

// A token without an expiration gets one.
func TestExtend_NeverExpires(t *testing.T) {
	client := fakeCore(t, secretOf(t))
	info, err := token.Extend(t.Context(), client, token.Read(secretOf(t)), anHour)
	if err != nil || !info.Expires.Equal(anHour) {
		t.Errorf("expires %v, %v, want %v", info.Expires, err, anHour)
	}
}

func TestExtend_Errors(t *testing.T) {
	tests := []struct {
		name    string
		err     error
		wantErr error
	}{
		{"none", nil, nil},
		{"conflict", apierrors.NewConflict(corev1.Resource("secrets"), "bootstrap-token-abcdef", errors.New("it was modified")), token.ErrChanged},
		{"not found", apierrors.NewNotFound(corev1.Resource("secrets"), "bootstrap-token-abcdef"), token.ErrNotFound},
		{"refused", errForbidden, errForbidden},
		{"lost", errLost, errLost},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := fakeCore(t, secretOf(t))
			if test.err != nil {
				failing(client, "patch", test.err)
			}
			info, err := token.Extend(t.Context(), client, token.Read(secretOf(t)), anHour)
			wantError(t, err, test.wantErr)
			if (err == nil) == info.Token.IsZero() {
				t.Errorf("Extend returned token %q with the error %v", info.ID, err)
			}
			noSecrets(t, err, goodSecret)
		})
	}
	t.Run("gone", func(t *testing.T) {
		_, err := token.Extend(t.Context(), fakeCore(t), token.Read(secretOf(t)), anHour)
		wantError(t, err, token.ErrNotFound)
	})
}

// An expiration has four digits for the year. A time that cannot be formatted is
// refused: the token cleaner would delete a token with an invalid expiration at once.
func TestSpec_UnwritableExpiration(t *testing.T) {
	tests := []struct {
		name    string
		expires time.Time
		wantErr error
	}{
		{"last second of the year 9999", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), nil},
		{"first second of the year 10000", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), token.ErrInvalidSpec},
		{"first second of the year 10000 UTC, in another zone", time.Date(9999, 12, 31, 23, 59, 0, 0, time.FixedZone("", -60)), token.ErrInvalidSpec},
		{"first second of the year 0", time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), nil},
		{"last second of the year -1", time.Date(-1, 12, 31, 23, 59, 59, 0, time.UTC), token.ErrInvalidSpec},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := spec(t, func(s *token.Spec) { s.Expires = test.expires })
			wantError(t, s.Validate(), test.wantErr)
			info, err := token.Extend(t.Context(), fakeCore(t, secretOf(t)), token.Read(secretOf(t)), test.expires)
			if (err == nil) != (test.wantErr == nil) || info.Problem != "" {
				t.Errorf("Extend: problem %q, error %v, want an error: %v", info.Problem, err, test.wantErr != nil)
			}
		})
	}
}
