// Package approval is what an approver of certificate signing requests (CSRs) does: it
// evaluates them against the approval policy, finds conflicting ones, and approves,
// denies or deletes exactly the objects that it evaluated.
//
// [Check] returns the result of each rule of the policy for a CSR, given [Facts] about
// the cluster, and [Violations] those that it breaks. [Conflicts] finds CSRs for one
// node with different keys, of which the policy cannot tell the genuine one. [Approve]
// and [Deny] send the UID of the CSR that was evaluated; [Delete] removes one that was
// decided on. [CheckAccess] reports beforehand whether the caller may decide.
//
// Source: Kubernetes documentation, "Certificates and Certificate Signing Requests"
// and "Kubernetes signers".
package approval
