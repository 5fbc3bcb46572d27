package output

import (
	"time"
)

// Token is a bootstrap token: the result of token create, and an item of
// TokenList without apiVersion and kind.
type Token struct {
	Meta
	TokenInfo
}

// TokenInfo is what is known of a token.
type TokenInfo struct {
	ID          string     `json:"id" jsonschema:"the public half of the token; empty when the Secret's name has none"`
	Token       string     `json:"token,omitempty" jsonschema:"the whole token, where it was asked for"`
	SecretName  string     `json:"secretName" jsonschema:"name of the Secret in kube-system"`
	Expires     *time.Time `json:"expires,omitempty" jsonschema:"when the token ends; absent when it never does, or when that cannot be read"`
	Usages      []string   `json:"usages" jsonschema:"signing, authentication or both"`
	Groups      []string   `json:"groups" jsonschema:"groups beside system:bootstrappers"`
	Description string     `json:"description,omitempty"`
	Status      string     `json:"status" jsonschema:"valid, expired, unusable or, for one of kubeadm-certs, proxy"`
	Expired     bool       `json:"expired,omitempty" jsonschema:"whether its end is past, or cannot be read, which counts as that"`
	Problem     string     `json:"problem,omitempty" jsonschema:"why the token is unusable"`
	// Of a token that was created:
	JoinCommand string `json:"joinCommand,omitempty" jsonschema:"the command that joins a node with this token"`
	Signed      bool   `json:"signed,omitempty" jsonschema:"whether --wait saw cluster-info signed with it"`
	DryRun      string `json:"dryRun,omitempty" jsonschema:"client or server, where the token was not created"`
}

// GeneratedToken is the result of token generate.
type GeneratedToken struct {
	Meta
	ID    string `json:"id" jsonschema:"the public half"`
	Token string `json:"token"`
}

// TokenCheck is the result of token check.
type TokenCheck struct {
	Meta
	ID       string   `json:"id"`
	Endpoint string   `json:"endpoint,omitempty" jsonschema:"the API server that was asked, where the check is that of a node"`
	Accepted bool     `json:"accepted" jsonschema:"whether the API server accepts the token as a credential"`
	User     string   `json:"user,omitempty" jsonschema:"who it is accepted as"`
	Groups   []string `json:"groups"`
	Rejected string   `json:"rejected,omitempty" jsonschema:"why it is not accepted"`
	// Of the check of an administrator:
	Token     *TokenInfo `json:"token,omitempty" jsonschema:"what the Secret says"`
	Signs     bool       `json:"signs,omitempty" jsonschema:"whether the bootstrap signer signs cluster-info with it"`
	Unsigned  string     `json:"unsigned,omitempty" jsonschema:"why it does not"`
	Signature string     `json:"signature,omitempty" jsonschema:"state of its signature in cluster-info: VALID, STALE, MISSING or MALFORMED"`
	Cleaned   *time.Time `json:"cleaned,omitempty" jsonschema:"when the token cleaner deletes it; absent when never"`
	Notes     []string   `json:"notes" jsonschema:"what else is worth knowing"`
}

// TokenList is the result of token list.
type TokenList List[TokenInfo]

// ResultList is the result of a command that does one thing to several objects.
type ResultList List[Result]

// Result is what became of one object.
type Result struct {
	Name    string `json:"name"`
	Result  string `json:"result" jsonschema:"such as deleted or approved; refused by the rules or the server, skipped for a trouble that passes, or failed"`
	Code    int    `json:"code" jsonschema:"the exit code that this alone would have; 0 when done"`
	Reason  string `json:"reason,omitempty" jsonschema:"the reason code of the failure"`
	Message string `json:"message,omitempty"`
	// Of a request for a certificate:
	UID      string    `json:"uid,omitempty"`
	Verdicts []Verdict `json:"verdicts,omitempty" jsonschema:"what each rule says"`
	// Of a token that was deleted:
	PendingRequests []string `json:"pendingRequests,omitempty" jsonschema:"requests made with it that nobody has decided on"`
	DeniedRequests  []string `json:"deniedRequests,omitempty" jsonschema:"requests made with it that were denied"`
}

// Verdict is what one rule says of a request.
type Verdict struct {
	Rule     string `json:"rule"`
	OK       bool   `json:"ok"`
	Detail   string `json:"detail,omitempty" jsonschema:"what was found"`
	Absolute bool   `json:"absolute,omitempty" jsonschema:"whether even --force does not pass over it"`
}

// ClusterInfo is the result of cluster-info show.
type ClusterInfo struct {
	Meta
	Server         string          `json:"server" jsonschema:"the API server's address for nodes"`
	CACertificates []CACertificate `json:"caCertificates"`
	Signatures     []string        `json:"signatures" jsonschema:"IDs of the tokens that it is signed with"`
	Verified       bool            `json:"verified" jsonschema:"whether it came over a verified connection"`
}

// CACertificate is one certificate of the cluster's CA bundle.
type CACertificate struct {
	Subject  string    `json:"subject"`
	NotAfter time.Time `json:"notAfter"`
	Pin      string    `json:"pin" jsonschema:"sha256: and the hex SHA-256 of the SubjectPublicKeyInfo"`
}

// PinList is the result of cluster-info pin.
type PinList List[CACertificate]

// ClusterInfoChange is the result of cluster-info publish and sign.
type ClusterInfoChange struct {
	Meta
	Written  bool                 `json:"written" jsonschema:"whether cluster-info was changed"`
	DryRun   bool                 `json:"dryRun" jsonschema:"whether it would have been changed, were it not a dry run"`
	Before   *ClusterInfoDocument `json:"before,omitempty" jsonschema:"absent where there was none"`
	After    ClusterInfoDocument  `json:"after"`
	Added    []string             `json:"added" jsonschema:"IDs of the tokens whose signatures were added"`
	Replaced []string             `json:"replaced" jsonschema:"IDs of the tokens whose signatures were replaced"`
	Removed  []string             `json:"removed" jsonschema:"IDs whose signatures were taken away: no live signing token has them"`
}

// ClusterInfoDocument is what the kubeconfig in cluster-info tells nodes.
type ClusterInfoDocument struct {
	Server  string   `json:"server,omitempty" jsonschema:"the API server's address for nodes"`
	Pins    []string `json:"pins" jsonschema:"the pins of the CA certificates"`
	Problem string   `json:"problem,omitempty" jsonschema:"why no node takes it"`
}

// ClusterInfoSignature is the result of cluster-info sign --file.
type ClusterInfoSignature struct {
	Meta
	TokenID   string `json:"tokenID"`
	Signature string `json:"signature" jsonschema:"a detached JWS, as it stands in jws-kubeconfig-ID"`
}

// Verification is the result of cluster-info verify.
type Verification struct {
	Meta
	Verified   bool        `json:"verified"`
	Server     string      `json:"server,omitempty"`
	Pins       []string    `json:"pins" jsonschema:"the pins of the CA certificates to trust"`
	Signatures []Signature `json:"signatures"`
}

// Signature is the state of one signature of cluster-info.
type Signature struct {
	TokenID string `json:"tokenID"`
	State   string `json:"state" jsonschema:"VALID, STALE, MISSING, MALFORMED or ORPHAN"`
}

// CertificateRequestList is the result of csr list.
type CertificateRequestList List[CertificateRequest]

// CertificateRequest is one certificate signing request.
type CertificateRequest struct {
	Name              string    `json:"name"`
	UID               string    `json:"uid"`
	Created           time.Time `json:"created"`
	Signer            string    `json:"signer"`
	Requester         string    `json:"requester" jsonschema:"the user that sent it"`
	Groups            []string  `json:"groups"`
	Subject           string    `json:"subject"`
	NodeName          string    `json:"nodeName,omitempty"`
	SANs              []string  `json:"sans"`
	Usages            []string  `json:"usages"`
	ExpirationSeconds int32     `json:"expirationSeconds,omitempty"`
	Key               string    `json:"key" jsonschema:"type and size of the public key"`
	Fingerprint       string    `json:"fingerprint" jsonschema:"sha256: and the hex SHA-256 of the SubjectPublicKeyInfo"`
	Conditions        []string  `json:"conditions" jsonschema:"Pending, or what has become of it"`
	Reason            string    `json:"reason,omitempty" jsonschema:"the reason of the last decision"`
	Message           string    `json:"message,omitempty" jsonschema:"the message of the last decision"`
	Problem           string    `json:"problem,omitempty" jsonschema:"why the request cannot be read"`
}

// RequestedCertificate is the result of csr submit and csr wait.
type RequestedCertificate struct {
	Meta
	Request     CertificateRequest `json:"request"`
	Certificate *Certificate       `json:"certificate,omitempty" jsonschema:"absent where it was not waited for"`
}

// Certificate is a certificate that a signer issued.
type Certificate struct {
	PEM       string    `json:"pem" jsonschema:"the certificate, and any intermediate ones"`
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
}

// RequestReview is the result of csr review.
type RequestReview struct {
	Meta
	Request       CertificateRequest `json:"request"`
	Token         *TokenInfo         `json:"token,omitempty" jsonschema:"the bootstrap token that it was sent with, where it may be read"`
	NodeExists    bool               `json:"nodeExists" jsonschema:"whether there is a Node of the name asked for"`
	Verdicts      []Verdict          `json:"verdicts" jsonschema:"what each rule of approve says"`
	Fit           bool               `json:"fit" jsonschema:"whether approve approves it"`
	Outcome       string             `json:"outcome" jsonschema:"what the signer does once it is approved: issued, failed, unsigned or unknown"`
	OutcomeReason string             `json:"outcomeReason,omitempty"`
	MayApprove    bool               `json:"mayApprove" jsonschema:"whether you may approve or deny it"`
	MissingAccess string             `json:"missingAccess,omitempty" jsonschema:"the permission that you lack to approve or deny it"`
	Waiting       string             `json:"waiting,omitempty" jsonschema:"who keeps it waiting"`
	Rivals        []string           `json:"rivals" jsonschema:"requests for the same node with other keys, pending or approved"`
	Command       string             `json:"command,omitempty" jsonschema:"what to run next"`
}

// JoinResult is the result of join.
type JoinResult struct {
	Meta
	State         string     `json:"state" jsonschema:"joined, joined-already, or of a dry run would-join or would-go-on-waiting"`
	AlreadyJoined bool       `json:"alreadyJoined"`
	NodeName      string     `json:"nodeName"`
	Server        string     `json:"server"`
	Pins          []string   `json:"pins" jsonschema:"the pins of the CA certificates that the node trusts"`
	Request       string     `json:"request,omitempty" jsonschema:"name of the certificate signing request"`
	Kubeconfig    string     `json:"kubeconfig"`
	Certificate   string     `json:"certificate" jsonschema:"the file with certificate and key"`
	CAFile        string     `json:"caFile"`
	Repaired      []string   `json:"mended,omitempty" jsonschema:"files of an identity that lacked something and were, or in a dry run would be, put right"`
	Steps         []JoinStep `json:"steps"`
	// Of an identity that is there:
	Fingerprint string    `json:"fingerprint,omitempty" jsonschema:"of the node's public key"`
	NotBefore   time.Time `json:"notBefore,omitzero"`
	NotAfter    time.Time `json:"notAfter,omitzero"`
	Issuer      string    `json:"issuer,omitempty"`
	Username    string    `json:"username,omitempty" jsonschema:"who the API server says the node is"`
	Groups      []string  `json:"groups,omitempty"`
}

// JoinStep is one step of a join and how long it took.
type JoinStep struct {
	Name         string `json:"name"`
	Milliseconds int64  `json:"milliseconds"`
}

// SetupResult is the result of setup.
type SetupResult struct {
	Meta
	DryRun bool        `json:"dryRun" jsonschema:"whether the actions were only judged by the API server"`
	Items  []SetupItem `json:"items"`
}

// SetupItem is one object that setup looked after.
type SetupItem struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Action    string `json:"action" jsonschema:"created, updated, signed, unchanged, deleted or kept"`
	Why       string `json:"why,omitempty" jsonschema:"how it differed, or why it was kept"`
}

// DoctorReport is the result of doctor.
type DoctorReport struct {
	Meta
	Passed int             `json:"passed" jsonschema:"how many findings are OK"`
	Warned int             `json:"warned" jsonschema:"how many are WARN"`
	Failed int             `json:"failed" jsonschema:"how many are FAIL"`
	Items  []DoctorFinding `json:"items"`
}

// DoctorFinding is what one check found; a check that found several things has one
// for each.
type DoctorFinding struct {
	Check    string `json:"check" jsonschema:"what was looked at"`
	Status   string `json:"status" jsonschema:"OK, WARN or FAIL"`
	Reason   string `json:"reason,omitempty" jsonschema:"the reason code; absent where the status is OK"`
	Evidence string `json:"evidence" jsonschema:"what was seen"`
	Remedy   string `json:"remedy,omitempty" jsonschema:"the command that mends it, or what to do where none can"`
}

// Version is the result of version.
type Version struct {
	Meta
	Version   string `json:"version"`
	Commit    string `json:"commit,omitempty" jsonschema:"the commit that was built, where that was recorded"`
	Date      string `json:"date,omitempty" jsonschema:"the time of that commit, in RFC 3339"`
	GoVersion string `json:"goVersion"`
	Platform  string `json:"platform"`
}

// LabStatus is the result of lab up, lab down and lab status.
type LabStatus struct {
	Meta
	Running           bool     `json:"running"`
	Dir               string   `json:"dir"`
	PID               int      `json:"pid,omitempty"`
	Server            string   `json:"server,omitempty"`
	Kubeconfig        string   `json:"kubeconfig,omitempty"`
	CAFile            string   `json:"caFile,omitempty"`
	Version           string   `json:"version,omitempty"`
	KubernetesVersion string   `json:"kubernetesVersion,omitempty"`
	Controllers       []string `json:"controllers,omitempty"`

	KubeAPIServerArgs         []string `json:"kubeAPIServerArgs,omitempty" jsonschema:"flags given besides the lab's own, each FLAG=VALUE"`
	KubeControllerManagerArgs []string `json:"kubeControllerManagerArgs,omitempty" jsonschema:"flags given besides the lab's own, each FLAG=VALUE"`
}

// Event is one line on stderr with -o json.
type Event struct {
	Event   string `json:"event" jsonschema:"warning, cause, progress, call or error"`
	Message string `json:"message"`
	// Of a call:
	Method       string `json:"method,omitempty"`
	Path         string `json:"path,omitempty"`
	As           string `json:"as,omitempty"`
	Status       int    `json:"status,omitempty"`
	Milliseconds int64  `json:"milliseconds,omitempty" jsonschema:"of a call, and how long a cause has lasted"`
	// Of a request that nobody has approved:
	Request     string `json:"request,omitempty" jsonschema:"its name"`
	Fingerprint string `json:"fingerprint,omitempty" jsonschema:"of its public key"`
	Command     string `json:"command,omitempty" jsonschema:"by which an administrator approves it"`
	// Of an error, a cause and some warnings:
	Reason string `json:"reason,omitempty" jsonschema:"the reason code"`
	Code   int    `json:"code,omitempty" jsonschema:"the exit code"`
	Hint   string `json:"hint,omitempty"`
}
