package doctor

// The reasons of findings, by the check that has them. They stay the same.
const (
	// Forbidden (any check): the caller lacks a right, which the evidence names.
	Forbidden = "Forbidden"
	// Unreachable (any check): no answer came from the API server.
	Unreachable = "Unreachable"
	// ServerTrouble (any check): the API server answers, but cannot serve.
	ServerTrouble = "ServerTrouble"
	// TimedOut (any check): the time for all checks was over before this one ended.
	TimedOut = "TimedOut"

	// Unauthorized (server): the API server does not accept the credentials.
	Unauthorized = "Unauthorized"
	// Untrusted (server): the API server's certificate does not verify.
	Untrusted = "Untrusted"

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
	// AnonymousGranted (anonymous-grants): requests without credentials may do more
	// than nodes need.
	AnonymousGranted = "AnonymousGranted"
	// TokensGranted (token-grants): whoever has a bootstrap token has the power of an
	// administrator.
	TokensGranted = "TokensGranted"

	// ClusterInfoMissing (cluster-info): there is no cluster-info.
	ClusterInfoMissing = "ClusterInfoMissing"
	// DocumentInvalid (cluster-info): a node would not take its kubeconfig.
	DocumentInvalid = "DocumentInvalid"
	// ClusterInfoFull (capacity): the signature of one more token has no room.
	ClusterInfoFull = "ClusterInfoFull"
	// ClusterInfoAlmostFull (capacity): the signatures of few more tokens have.
	ClusterInfoAlmostFull = "ClusterInfoAlmostFull"

	// EndpointLoopback (endpoint): nodes are told an address that each reaches only
	// itself at.
	EndpointLoopback = "EndpointLoopback"
	// EndpointUnreachable (endpoint): no API server answers at the address.
	EndpointUnreachable = "EndpointUnreachable"
	// EndpointUntrusted (endpoint): its certificate is not for that name, or not from
	// a CA that cluster-info names.
	EndpointUntrusted = "EndpointUntrusted"
	// EndpointOtherCluster (endpoint): another cluster answers at the address.
	EndpointOtherCluster = "EndpointOtherCluster"

	// CAExpired (ca, client-ca): a CA certificate is not valid now.
	CAExpired = "CAExpired"
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
	// SignatureStale (signatures): a signature is of another text.
	SignatureStale = "SignatureStale"
	// SignatureMalformed (signatures): what stands there, of a live token, is no
	// signature.
	SignatureMalformed = "SignatureMalformed"
	// SignatureOrphan (signatures): what stands there is of no live signing token.
	SignatureOrphan = "SignatureOrphan"
	// SignerSilent (signer): the controller bootstrapsigner has not done its work.
	SignerSilent = "SignerSilent"

	// TokenNeverExpires (tokens): a token has no end.
	TokenNeverExpires = "TokenNeverExpires"
	// TokenUnusable (tokens): the API server does not take a token for one.
	TokenUnusable = "TokenUnusable"
	// CleanerSilent (cleaner): the controller tokencleaner has not done its work.
	CleanerSilent = "CleanerSilent"

	// ObjectMissing (one of the objects of setup): it is not there.
	ObjectMissing = "ObjectMissing"
	// ObjectDiffers (one of the objects): it grants less than it should.
	ObjectDiffers = "ObjectDiffers"
	// ObjectTooWide (one of the objects): it grants more than it should.
	ObjectTooWide = "ObjectTooWide"
	// AutoApprovalOff (one of the objects): nodes wait for a person.
	AutoApprovalOff = "AutoApprovalOff"
	// AutoApprovalOn (one of the objects): nodes do not wait for a person.
	AutoApprovalOn = "AutoApprovalOn"

	// ApproverSilent (requests): the controller csrapproving has not approved what it
	// would.
	ApproverSilent = "ApproverSilent"
	// CertificateSignerSilent (requests): the controller csrsigning has not signed
	// what is approved.
	CertificateSignerSilent = "CertificateSignerSilent"
	// RequestsWait (requests): requests wait for a person, or for someone who is not
	// of Kubernetes.
	RequestsWait = "RequestsWait"
	// RequestsFailed (requests): their signer failed requests.
	RequestsFailed = "RequestsFailed"

	// NoTrust (ca, of a node): no pin and no CA certificate says whom to trust.
	NoTrust = "NoTrust"
	// NotAnAPIServer (endpoint, of a node): something else answers.
	NotAnAPIServer = "NotAnAPIServer"
	// Changed (certificate): cluster-info differs between an unverified and a verified
	// connection.
	Changed = "Changed"
	// TokenRejected (token-authentication, of a node): the API server does not accept
	// the token.
	TokenRejected = "TokenRejected"

	// Denied (probe): someone denied the request.
	Denied = "Denied"
	// SignerFailed (probe): the request's signer failed it.
	SignerFailed = "SignerFailed"
	// RequestGone (probe): someone deleted the request, or put another in its place.
	RequestGone = "RequestGone"
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
