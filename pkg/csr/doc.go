// Package csr makes, judges and follows certificate signing requests.
//
// [NewRequest] makes a request, [NewNodeRequest] the one that a kubelet would make
// under the name that it would use, and both refuse what its signer would fail.
// [Submit] sends it and [Wait] follows it to its certificate, which
// [CheckCertificate] judges before anyone uses it.
//
// On the other side, [List] and a [Filter] find requests, [Check] says what each
// rule for the signer says of one, given [Facts] about the cluster, and [Predict]
// what the signer will do. [Approve] and [Deny] decide on just the object that was
// judged, [Delete] removes one that was decided on, and [CheckAccess] says
// beforehand who may. Nothing here chooses: a caller that finds several requests
// for one node learns so from [Rivals].
//
// Source: Kubernetes documentation, "Certificates and Certificate Signing
// Requests"; RFC 2986 (PKCS #10).
package csr
