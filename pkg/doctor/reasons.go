package doctor

// The reason codes of findings, by the check that reports them. They do not change. The
// commands report the same code for the same error.
const (
	// Forbidden (any check): the caller lacks a permission, which the message names.
	Forbidden = "Forbidden"
	// Unreachable (any check): the API server, or the address in cluster-info, does not
	// respond.
	Unreachable = "Unreachable"
	// ServerUnavailable (any check): the API server responds, but cannot serve requests.
	ServerUnavailable = "ServerUnavailable"
	// TimedOut (any check): the timeout expired before the check completed.
	TimedOut = "TimedOut"

	// Unauthorized (server): the API server does not accept the credentials.
	Unauthorized = "Unauthorized"
	// CertificateUntrusted (server, endpoint): the API server's certificate does not
	// verify: it is not for that address, or no CA in the kubeconfig or in cluster-info
	// issued it.
	CertificateUntrusted = "CertificateUntrusted"

	// ClockSkew (clock): this machine's clock differs from the API server's.
	ClockSkew = "ClockSkew"

	// TokenAuthenticationOff (token-authentication): the API server does not
	// accept bootstrap tokens.
	TokenAuthenticationOff = "TokenAuthenticationOff"

	// AnonymousDisabled (anonymous): the API server rejects all requests without
	// credentials.
	AnonymousDisabled = "AnonymousDisabled"
	// AnonymousForbidden (anonymous): requests without credentials may not read
	// cluster-info.
	AnonymousForbidden = "AnonymousForbidden"
	// AnonymousAccessTooBroad (anonymous-grants): requests without credentials may do more
	// than nodes need.
	AnonymousAccessTooBroad = "AnonymousAccessTooBroad"
	// BootstrapTokenOverprivileged (token-grants): bootstrap tokens have admin-equivalent
	// permissions.
	BootstrapTokenOverprivileged = "BootstrapTokenOverprivileged"

	// ClusterInfoNotFound (cluster-info): cluster-info is missing.
	ClusterInfoNotFound = "ClusterInfoNotFound"
	// DocumentInvalid (cluster-info): nodes would reject its kubeconfig.
	DocumentInvalid = "DocumentInvalid"
	// ClusterInfoFull (capacity): cluster-info has no room for another signature.
	ClusterInfoFull = "ClusterInfoFull"
	// ClusterInfoAlmostFull (capacity): cluster-info has room for only a few more signatures.
	ClusterInfoAlmostFull = "ClusterInfoAlmostFull"

	// EndpointLoopback (endpoint): cluster-info names a loopback address, so each
	// node would contact itself.
	EndpointLoopback = "EndpointLoopback"
	// PinMismatch (endpoint): the address belongs to a different cluster.
	PinMismatch = "PinMismatch"

	// CAExpired (ca, client-ca): a CA certificate is not valid now.
	CAExpired = "CAExpired"
	// CAInvalid (endpoint, and a node's ca): a CA certificate may not sign certificates.
	CAInvalid = "CAInvalid"
	// CAExpiresSoon (ca, client-ca): a CA certificate expires within 30 days.
	CAExpiresSoon = "CAExpiresSoon"
	// SigningCAExpired (signing-ca): the CA that signs node certificates is not valid
	// now.
	SigningCAExpired = "SigningCAExpired"
	// SigningCAExpiresSoon (signing-ca): that CA expires within 30 days.
	SigningCAExpiresSoon = "SigningCAExpiresSoon"
	// SigningCAUntrusted (signing-ca): the API server does not trust the CA that signed
	// the newest node certificate.
	SigningCAUntrusted = "SigningCAUntrusted"

	// SignatureMissing (signatures): a valid signing token has no signature.
	SignatureMissing = "SignatureMissing"
	// SignatureInvalid (a node's signatures, probe): the token's signature does not verify.
	SignatureInvalid = "SignatureInvalid"
	// SignatureStale (signatures): a signature does not match the current cluster-info.
	SignatureStale = "SignatureStale"
	// SignatureMalformed (signatures): the entry for a valid token is not a JWS
	// signature.
	SignatureMalformed = "SignatureMalformed"
	// SignatureOrphan (signatures): cluster-info has a signature without a valid signing token.
	SignatureOrphan = "SignatureOrphan"
	// BootstrapSignerNotRunning (signer): the controller bootstrapsigner has not signed
	// cluster-info.
	BootstrapSignerNotRunning = "BootstrapSignerNotRunning"

	// TokenNeverExpires (tokens): a token never expires.
	TokenNeverExpires = "TokenNeverExpires"
	// TokenUnusable (tokens): a Secret has the type or name of a bootstrap token but is not
	// a valid one.
	TokenUnusable = "TokenUnusable"
	// TokenCleanerNotRunning (cleaner): the controller tokencleaner has not deleted an
	// expired token.
	TokenCleanerNotRunning = "TokenCleanerNotRunning"

	// RBACMissing (one of the objects of setup): the object is missing.
	RBACMissing = "RBACMissing"
	// RBACDiffers (one of the objects): the object grants too few permissions.
	RBACDiffers = "RBACDiffers"
	// RBACTooPermissive (one of the objects): the object grants too many permissions.
	RBACTooPermissive = "RBACTooPermissive"
	// AutoApprovalOff (one of the objects): new nodes wait until a person approves them.
	AutoApprovalOff = "AutoApprovalOff"
	// AutoApprovalOn (one of the objects): new nodes are approved without a person.
	AutoApprovalOn = "AutoApprovalOn"

	// CSRApproverNotRunning (requests): the controller csrapproving has not approved a CSR
	// that it should approve.
	CSRApproverNotRunning = "CSRApproverNotRunning"
	// CSRSignerNotRunning (requests): the controller csrsigning has not signed an approved
	// CSR.
	CSRSignerNotRunning = "CSRSignerNotRunning"
	// CSRPending (requests, probe): CSRs wait for a person, or for an approver or signer
	// that is not part of Kubernetes.
	CSRPending = "CSRPending"
	// SignerFailed (requests, probe): the signer marked a CSR as failed.
	SignerFailed = "SignerFailed"

	// CARequired (a node's ca): no pin or CA certificate was given to verify the cluster.
	CARequired = "CARequired"
	// NotAnAPIServer (a node's endpoint): the address belongs to something other than an API
	// server.
	NotAnAPIServer = "NotAnAPIServer"
	// ClusterInfoChanged (certificate): cluster-info differs between an unverified and a verified
	// connection.
	ClusterInfoChanged = "ClusterInfoChanged"
	// TokenRejected (a node's token-authentication): the API server does not accept the
	// token.
	TokenRejected = "TokenRejected"

	// Denied (probe): someone denied the CSR.
	Denied = "Denied"
	// CSRNotFound (probe): someone deleted the CSR.
	CSRNotFound = "CSRNotFound"
	// CSRReplaced (probe): someone deleted the CSR and created another with its name.
	CSRReplaced = "CSRReplaced"
	// CSRNotSigned (probe): the CSR is approved, but its signer did not sign it.
	CSRNotSigned = "CSRNotSigned"
	// CertificateInvalid (probe): the certificate differs from the CSR.
	CertificateInvalid = "CertificateInvalid"
	// IdentityRejected (probe): the API server does not accept the certificate.
	IdentityRejected = "IdentityRejected"
	// RefusedByServer (probe): the API server's validation or admission rejected the CSR.
	RefusedByServer = "RefusedByServer"
	// Interrupted (probe): the probe was interrupted.
	Interrupted = "Interrupted"
	// ProbeLeft (probe): the probe could not delete an object that it created.
	ProbeLeft = "ProbeLeft"
	// Error (a node, probe) is any error without a reason code of its own.
	Error = "Error"
)
