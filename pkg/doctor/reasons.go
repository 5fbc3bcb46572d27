package doctor

// The reason codes of findings, by the check that has them. They stay the same. The
// commands report the same code for the same error.
const (
	// Forbidden (any check): the caller lacks a right, which the message names.
	Forbidden = "Forbidden"
	// Unreachable (any check): no answer came from the API server, or from the address
	// in cluster-info.
	Unreachable = "Unreachable"
	// ServerUnavailable (any check): the API server answers, but cannot serve.
	ServerUnavailable = "ServerUnavailable"
	// TimedOut (any check): the time for all checks was over before this one ended.
	TimedOut = "TimedOut"

	// Unauthorized (server): the API server does not accept the credentials.
	Unauthorized = "Unauthorized"
	// CertificateUntrusted (server, endpoint): the API server's certificate does not
	// verify: it is not for that address, or not from a CA in the kubeconfig or in
	// cluster-info.
	CertificateUntrusted = "CertificateUntrusted"

	// ClockSkew (clock): this machine's clock differs from the API server's.
	ClockSkew = "ClockSkew"

	// TokenAuthenticationOff (token-authentication): the API server takes no
	// bootstrap token for a credential.
	TokenAuthenticationOff = "TokenAuthenticationOff"

	// AnonymousDisabled (anonymous): the API server answers no request without
	// credentials.
	AnonymousDisabled = "AnonymousDisabled"
	// AnonymousForbidden (anonymous): requests without credentials may not read
	// cluster-info.
	AnonymousForbidden = "AnonymousForbidden"
	// AnonymousAccessTooBroad (anonymous-grants): requests without credentials may do more
	// than nodes need.
	AnonymousAccessTooBroad = "AnonymousAccessTooBroad"
	// BootstrapTokenOverprivileged (token-grants): whoever has a bootstrap token has the power of an
	// administrator.
	BootstrapTokenOverprivileged = "BootstrapTokenOverprivileged"

	// ClusterInfoNotFound (cluster-info): there is no cluster-info.
	ClusterInfoNotFound = "ClusterInfoNotFound"
	// DocumentInvalid (cluster-info): a node would not take its kubeconfig.
	DocumentInvalid = "DocumentInvalid"
	// ClusterInfoFull (capacity): the signature of one more token has no room.
	ClusterInfoFull = "ClusterInfoFull"
	// ClusterInfoAlmostFull (capacity): the signatures of few more tokens have.
	ClusterInfoAlmostFull = "ClusterInfoAlmostFull"

	// EndpointLoopback (endpoint): nodes are told an address that each reaches only
	// itself at.
	EndpointLoopback = "EndpointLoopback"
	// PinMismatch (endpoint): another cluster answers at the address.
	PinMismatch = "PinMismatch"

	// CAExpired (ca, client-ca): a CA certificate is not valid now.
	CAExpired = "CAExpired"
	// CAInvalid (endpoint, ca of a node): a CA certificate may not sign certificates.
	CAInvalid = "CAInvalid"
	// CAExpiresSoon (ca, client-ca): a CA certificate ends within 30 days.
	CAExpiresSoon = "CAExpiresSoon"
	// SigningCAExpired (signing-ca): the CA that signs the certificates of nodes is
	// not valid now.
	SigningCAExpired = "SigningCAExpired"
	// SigningCAExpiresSoon (signing-ca): it ends within 30 days.
	SigningCAExpiresSoon = "SigningCAExpiresSoon"
	// SigningCAUntrusted (signing-ca): the API server does not know the CA that signed
	// the newest certificate of a node.
	SigningCAUntrusted = "SigningCAUntrusted"

	// SignatureMissing (signatures): a live signing token has no signature.
	SignatureMissing = "SignatureMissing"
	// SignatureInvalid (signatures of a node, probe): the token's signature does not
	// verify.
	SignatureInvalid = "SignatureInvalid"
	// SignatureStale (signatures): a signature is of another text.
	SignatureStale = "SignatureStale"
	// SignatureMalformed (signatures): what stands there, of a live token, is no
	// signature.
	SignatureMalformed = "SignatureMalformed"
	// SignatureOrphan (signatures): what stands there is of no live signing token.
	SignatureOrphan = "SignatureOrphan"
	// BootstrapSignerNotRunning (signer): the controller bootstrapsigner has not done its work.
	BootstrapSignerNotRunning = "BootstrapSignerNotRunning"

	// TokenNeverExpires (tokens): a token has no end.
	TokenNeverExpires = "TokenNeverExpires"
	// TokenUnusable (tokens): the API server does not take a token for one.
	TokenUnusable = "TokenUnusable"
	// TokenCleanerNotRunning (cleaner): the controller tokencleaner has not done its work.
	TokenCleanerNotRunning = "TokenCleanerNotRunning"

	// RBACMissing (one of the objects of setup): it is not there.
	RBACMissing = "RBACMissing"
	// RBACDiffers (one of the objects): it grants less than it should.
	RBACDiffers = "RBACDiffers"
	// RBACTooPermissive (one of the objects): it grants more than it should.
	RBACTooPermissive = "RBACTooPermissive"
	// AutoApprovalOff (one of the objects): nodes wait for a person.
	AutoApprovalOff = "AutoApprovalOff"
	// AutoApprovalOn (one of the objects): nodes do not wait for a person.
	AutoApprovalOn = "AutoApprovalOn"

	// CSRApproverNotRunning (requests): the controller csrapproving has not approved what it
	// would.
	CSRApproverNotRunning = "CSRApproverNotRunning"
	// CSRSignerNotRunning (requests): the controller csrsigning has not signed
	// what is approved.
	CSRSignerNotRunning = "CSRSignerNotRunning"
	// CSRPending (requests, probe): CSRs wait for a person, or for someone who is not of
	// Kubernetes.
	CSRPending = "CSRPending"
	// SignerFailed (requests, probe): the signer of a CSR failed it.
	SignerFailed = "SignerFailed"

	// CARequired (ca, of a node): no pin and no CA certificate says whom to trust.
	CARequired = "CARequired"
	// NotAnAPIServer (endpoint, of a node): something else answers.
	NotAnAPIServer = "NotAnAPIServer"
	// ClusterInfoChanged (certificate): cluster-info differs between an unverified and a verified
	// connection.
	ClusterInfoChanged = "ClusterInfoChanged"
	// TokenRejected (token-authentication, of a node): the API server does not accept
	// the token.
	TokenRejected = "TokenRejected"

	// Denied (probe): someone denied the request.
	Denied = "Denied"
	// CSRNotFound (probe): someone deleted the CSR.
	CSRNotFound = "CSRNotFound"
	// CSRReplaced (probe): someone deleted the CSR and created another of its name.
	CSRReplaced = "CSRReplaced"
	// CSRNotSigned (probe): the CSR is approved, and its signer did not sign it.
	CSRNotSigned = "CSRNotSigned"
	// CertificateInvalid (probe): the certificate is not what was asked for.
	CertificateInvalid = "CertificateInvalid"
	// IdentityRejected (probe): the API server does not accept the certificate.
	IdentityRejected = "IdentityRejected"
	// RefusedByServer (probe): the API server's validation or admission said no.
	RefusedByServer = "RefusedByServer"
	// Interrupted (probe): it was broken off.
	Interrupted = "Interrupted"
	// ProbeLeft (probe): something that the probe made is still there.
	ProbeLeft = "ProbeLeft"
	// Error (a node, probe) is what has no word of its own.
	Error = "Error"
)
