// Package approval implements what an approver of certificate signing requests (CSRs) does:
// it evaluates them against the approval policy, finds conflicting CSRs, and approves,
// denies or deletes exactly the objects that it evaluated.
//
// [Check] returns the result of each rule of the policy for a CSR, given [Facts] about
// the cluster, and [Violations] the results that failed. [Conflicts] finds CSRs for one
// node with different keys, of which the policy cannot identify the genuine one. [Approve]
// and [Deny] send the UID of the CSR that was evaluated; [Delete] removes a CSR that is no
// longer pending. [CheckAccess] reports beforehand whether the caller may approve or deny.
//
// Source: Kubernetes documentation, "Certificates and Certificate Signing Requests"
// and "Kubernetes signers".
package approval
