package approval

import (
	"fmt"
	"strings"

	"github.com/bootctl/bootctl/pkg/csr"
)

// Conflicts are pending or approved CSRs for the same signer and node with different keys:
// no rule can detect which of them the node itself created. The zero value is empty.
type Conflicts struct {
	asked map[conflictKey][]conflictEntry
}

type (
	conflictKey   struct{ signer, node string }
	conflictEntry struct{ name, key string }
)

// Add adds a CSR. These CSRs conflict with no other: a CSR that the node itself created with
// its certificate, a CSR that was denied or failed, and a CSR that violates the policy
// whatever the state of the cluster.
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
	key := conflictKey{r.SignerName, r.NodeName()}
	v.asked[key] = append(v.asked[key], conflictEntry{r.Name, csr.Fingerprint(r.PKCS10.PublicKey)})
}

// isSelfRequest reports whether a node requests its own certificate.
func isSelfRequest(r csr.Request) bool { return r.Username == csr.NodeUserPrefix+r.NodeName() }

// bestCaseFacts returns the facts with which a CSR for a node violates the fewest rules.
func bestCaseFacts(r csr.Request) Facts {
	facts := Facts{Signer: r.SignerName, NodeExists: r.SignerName == csr.KubeletServing}
	for _, san := range r.SANs() {
		_, name, _ := strings.Cut(san, ":")
		facts.NodeAddresses = append(facts.NodeAddresses, name)
	}
	return facts
}

// Of returns the names of the CSRs for the same node with another key.
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

// check returns a *ConflictError if other CSRs for the same node have another key.
func (v *Conflicts) check(r csr.Request) error {
	if others := v.Of(r); len(others) > 0 {
		return &ConflictError{Name: r.Name, NodeName: r.NodeName(), Others: others}
	}
	return nil
}

// ConflictError means that several CSRs with different keys are for the same node.
type ConflictError struct {
	Name, NodeName string
	Others         []string
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("CSR %s: other CSRs request node %s with different keys, and it is unknown which key is the node's: %q", e.Name, e.NodeName, e.Others)
}
