// Package csr implements what a requester does: it builds certificate signing requests
// (CSRs), submits them, waits for the certificate and checks it.
//
// [NewRequest] builds a CSR, and [NewNodeRequest] the CSR that a kubelet would create with
// the same name; both reject a CSR that its signer would fail, which [Predict] predicts.
// [Submit] creates it and [Wait] follows it until it has a certificate, which
// [CheckCertificate] checks before it is used. [List] with a [Filter], [Get] and [Decode]
// read CSRs, and [Explain] describes which approver or signer a CSR waits for.
//
// Package approval implements what an approver does.
//
// Source: Kubernetes documentation, "Certificates and Certificate Signing
// Requests"; RFC 2986 (PKCS #10).
package csr
