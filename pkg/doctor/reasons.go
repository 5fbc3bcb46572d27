package doctor

// The reasons of findings, each a word that stays the same.
const (
	// Unreachable means that the API server cannot be reached with the kubeconfig.
	Unreachable = "Unreachable"
	// Unauthorized means that the API server does not accept the credentials in the
	// kubeconfig.
	Unauthorized = "Unauthorized"
	// Forbidden means that a right is missing, which the evidence names.
	Forbidden = "Forbidden"
	// ClockSkew means that this machine's clock differs from the API server's.
	ClockSkew = "ClockSkew"
	// TokenAuthenticationOff means that the API server accepts no bootstrap tokens.
	TokenAuthenticationOff = "TokenAuthenticationOff"
	// AnonymousDisabled means that the API server answers nobody without credentials.
	AnonymousDisabled = "AnonymousDisabled"
	// AnonymousForbidden means that cluster-info may not be read without credentials.
	AnonymousForbidden = "AnonymousForbidden"
	// ClusterInfoMissing means that there is no cluster-info, or none with a
	// kubeconfig.
	ClusterInfoMissing = "ClusterInfoMissing"
	// DocumentInvalid means that the kubeconfig in cluster-info is not one that a
	// node may trust.
	DocumentInvalid = "DocumentInvalid"
	// EndpointUnreachable means that the address for nodes does not answer.
	EndpointUnreachable = "EndpointUnreachable"
	// EndpointUntrusted means that the certificate of the API server is not for the
	// address for nodes, or not of a trusted CA.
	EndpointUntrusted = "EndpointUntrusted"
	// EndpointOtherCluster means that what answers at the address for nodes is not
	// the cluster that is meant.
	EndpointOtherCluster = "EndpointOtherCluster"
	// EndpointLoopback means that no other machine can reach the address for nodes.
	EndpointLoopback = "EndpointLoopback"
	// CAExpired means that the CA is not valid now, or is no CA.
	CAExpired = "CAExpired"
	// CAExpiresSoon means that the CA ends within a month.
	CAExpiresSoon = "CAExpiresSoon"
	// SignatureMissing means that cluster-info has no signature of the token.
	SignatureMissing = "SignatureMissing"
	// SignatureStale means that the signature is not over cluster-info as it is.
	SignatureStale = "SignatureStale"
	// SignatureMalformed means that what stands in place of the signature is none.
	SignatureMalformed = "SignatureMalformed"
	// SignerSilent means that the controller bootstrapsigner does not do its work.
	SignerSilent = "SignerSilent"
	// AutoApprovalOff means that no rule lets the requests of nodes be approved
	// without a person, though that is wanted.
	AutoApprovalOff = "AutoApprovalOff"
	// AutoApprovalOn means that requests are approved without a person, though that
	// is not wanted.
	AutoApprovalOn = "AutoApprovalOn"
	// ApproverSilent means that the controller csrapproving does not do its work.
	ApproverSilent = "ApproverSilent"
	// CertificateSignerSilent means that the controller csrsigning does not do its
	// work.
	CertificateSignerSilent = "CertificateSignerSilent"
)
