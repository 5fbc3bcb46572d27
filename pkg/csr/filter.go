package csr

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
)

// Filter says which requests are meant: those that all of its fields fit. The
// zero value of a field fits every request.
type Filter struct {
	// Condition is one of the conditions, such as Pending.
	Condition string
	// SignerName, Requester and RequesterGroup are who shall sign, who asks, and
	// a group of who asks.
	SignerName, Requester, RequesterGroup string
	// Node is the name of the node that the request is for.
	Node string
	// UID is that of the object.
	UID string
	// Fingerprint is one that ParseFingerprint returned.
	Fingerprint string
	// Before is when the request was made at the latest.
	Before time.Time
}

// Match says whether the request is meant.
func (f Filter) Match(r Request) bool {
	switch {
	case f.Condition == Pending && !r.IsPending(), f.Condition != "" && !r.Is(f.Condition):
	case f.SignerName != "" && r.SignerName != f.SignerName:
	case f.Requester != "" && r.Username != f.Requester:
	case f.RequesterGroup != "" && !slices.Contains(r.Groups, f.RequesterGroup):
	case f.Node != "" && r.NodeName() != f.Node:
	case f.UID != "" && r.UID != f.UID:
	case f.Fingerprint != "" && !f.matchKey(r):
	case !f.Before.IsZero() && r.Created.After(f.Before):
	default:
		return true
	}
	return false
}

func (f Filter) matchKey(r Request) bool {
	return r.PKCS10 != nil && strings.HasPrefix(Fingerprint(r.PKCS10.PublicKey), f.Fingerprint)
}

// listOptions lets the API server leave out what it can.
func (f Filter) listOptions() metav1.ListOptions {
	if f.SignerName == "" {
		return metav1.ListOptions{}
	}
	return metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("spec.signerName", f.SignerName).String()}
}

// Rivals knows which requests ask, or asked with success, the same signer for the
// same node with another key: which of them the node itself made, no rule can
// tell. The zero value knows none.
type Rivals struct {
	asked map[rivalry][]asker
}

type (
	rivalry struct{ signer, node string }
	asker   struct{ name, key string }
)

// Add takes note of a request. What the node itself asked for with its
// certificate is nobody's rival, nor is a request that was denied or failed, or
// that the rules refuse whatever the cluster holds.
func (v *Rivals) Add(r Request) {
	if r.NodeName() == "" || r.isOfItself() || r.Refused() != nil {
		return
	}
	if r.IsPending() && len(Refusals(Check(r, favourable(r)))) > 0 {
		return
	}
	if v.asked == nil {
		v.asked = map[rivalry][]asker{}
	}
	over := rivalry{r.SignerName, r.NodeName()}
	v.asked[over] = append(v.asked[over], asker{r.Name, Fingerprint(r.PKCS10.PublicKey)})
}

// isOfItself says whether a node asks for its own certificate.
func (r Request) isOfItself() bool { return r.Username == NodeUserPrefix+r.NodeName() }

// favourable are the facts that a request for a node would have to meet.
func favourable(r Request) Facts {
	facts := Facts{Signer: r.SignerName, NodeExists: r.SignerName == KubeletServing}
	for _, san := range r.SANs() {
		_, name, _ := strings.Cut(san, ":")
		facts.NodeAddresses = append(facts.NodeAddresses, name)
	}
	return facts
}

// Of returns the names of the requests for the same node with another key.
func (v *Rivals) Of(r Request) []string {
	if r.NodeName() == "" || r.isOfItself() {
		return nil
	}
	var names []string
	for _, other := range v.asked[rivalry{r.SignerName, r.NodeName()}] {
		if other.key != Fingerprint(r.PKCS10.PublicKey) {
			names = append(names, other.name)
		}
	}
	return names
}

// RivalsError says that several requests ask for the same node, or that several
// are meant where one can be.
type RivalsError struct {
	Name, NodeName string
	Others         []string
}

func (e *RivalsError) Error() string {
	return fmt.Sprintf("request %s: node %s is asked for with other keys too, and nothing here says which is its own: %q", e.Name, e.NodeName, e.Others)
}
