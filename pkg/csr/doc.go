// Package csr makes, judges and follows certificate signing requests.
//
// [NewNodeRequest] makes the request that a kubelet would make, under the name
// that it would use. [Submit] sends it and [Wait] follows it to its certificate,
// which [CheckCertificate] judges before anyone uses it. On the other side,
// [List] reads requests, [Check] says by which rules one is fit to be approved,
// and [Approve] approves just the object that was judged.
//
// Source: Kubernetes documentation, "Certificates and Certificate Signing
// Requests"; RFC 2986 (PKCS #10).
package csr
