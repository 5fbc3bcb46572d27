package approval

import (
	"fmt"
	"strings"

	"github.com/bootctl/bootctl/pkg/csr"
)

// Conflicts knows which requests ask, or asked with success, the same signer for the
// same node with another key: which of them the node itself made, no rule can
// tell. The zero value knows none.
type Conflicts struct {
	asked map[conflictKey][]conflictEntry
}

type (
	conflictKey   struct{ signer, node string }
	conflictEntry struct{ name, key string }
)

// Add takes note of a request. What the node itself asked for with its
// certificate is nobody's rival, nor is a request that was denied or failed, or
// that the rules refuse whatever the cluster holds.
func (v *Conflicts) Add(r csr.Request) {
	if r.NodeName() == "" || isSelfRequest(r) || r.Refused() != nil {
		return
	}
	if r.IsPending() && len(Violations(Check(r, bestCaseFacts(r)))) > 0 {
		return
	}
	if v.asked == nil {
		v.asked = map[conflictKey][]conflictEntry{}
	}
	over := conflictKey{r.SignerName, r.NodeName()}
	v.asked[over] = append(v.asked[over], conflictEntry{r.Name, csr.Fingerprint(r.PKCS10.PublicKey)})
}

// isSelfRequest says whether a node asks for its own certificate.
func isSelfRequest(r csr.Request) bool { return r.Username == csr.NodeUserPrefix+r.NodeName() }

// bestCaseFacts are the facts that a request for a node would have to meet.
func bestCaseFacts(r csr.Request) Facts {
	facts := Facts{Signer: r.SignerName, NodeExists: r.SignerName == csr.KubeletServing}
	for _, san := range r.SANs() {
		_, name, _ := strings.Cut(san, ":")
		facts.NodeAddresses = append(facts.NodeAddresses, name)
	}
	return facts
}

// Of returns the names of the requests for the same node with another key.
func (v *Conflicts) Of(r csr.Request) []string {
	if r.NodeName() == "" || isSelfRequest(r) {
		return nil
	}
	var names []string
	for _, other := range v.asked[conflictKey{r.SignerName, r.NodeName()}] {
		if other.key != csr.Fingerprint(r.PKCS10.PublicKey) {
			names = append(names, other.name)
		}
	}
	return names
}

// check returns a *ConflictError when other CSRs for the same node have another key.
func (v *Conflicts) check(r csr.Request) error {
	if others := v.Of(r); len(others) > 0 {
		return &ConflictError{Name: r.Name, NodeName: r.NodeName(), Others: others}
	}
	return nil
}

// ConflictError says that several requests ask for the same node, or that several
// are meant where one can be.
type ConflictError struct {
	Name, NodeName string
	Others         []string
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("request %s: node %s is asked for with other keys too, and nothing here says which is its own: %q", e.Name, e.NodeName, e.Others)
}
