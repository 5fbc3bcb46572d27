// Package csr is what a requester does: it builds certificate signing requests (CSRs),
// submits them, waits for the certificate and checks it.
//
// [NewRequest] builds a CSR, [NewNodeRequest] the one that a kubelet would create under
// the same name; both refuse what its signer would fail, which [Predict] knows.
// [Submit] creates it and [Wait] follows it until it has a certificate, which
// [CheckCertificate] checks before anyone uses it. [List] with a [Filter], [Get] and
// [Decode] read CSRs, and [Explain] says who keeps one waiting.
//
// What an approver does is in package approval.
//
// Source: Kubernetes documentation, "Certificates and Certificate Signing
// Requests"; RFC 2986 (PKCS #10).
package csr
