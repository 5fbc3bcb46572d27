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

// TokenInfo describes a token.
type TokenInfo struct {
	ID          string     `json:"id" jsonschema:"the public part of the token; empty if the name of the Secret contains none"`
	Token       string     `json:"token,omitempty" jsonschema:"the full token, if it was requested"`
	SecretName  string     `json:"secretName" jsonschema:"name of the Secret in kube-system"`
	Expires     *time.Time `json:"expires,omitempty" jsonschema:"when the token expires; absent if it never expires or if the expiration cannot be read"`
	Usages      []string   `json:"usages" jsonschema:"signing, authentication or both"`
	Groups      []string   `json:"groups" jsonschema:"groups in addition to system:bootstrappers"`
	Description string     `json:"description,omitempty"`
	Status      string     `json:"status" jsonschema:"valid, expired, unusable, or proxy for the token of the Secret kubeadm-certs"`
	Expired     bool       `json:"expired,omitempty" jsonschema:"whether the token has expired; an expiration that cannot be read counts as expired"`
	Problem     string     `json:"problem,omitempty" jsonschema:"why the token is unusable"`
	// For a token that was created:
	JoinCommand string `json:"joinCommand,omitempty" jsonschema:"the command that joins a node with this token"`
	Signed      bool   `json:"signed,omitempty" jsonschema:"whether --wait saw cluster-info signed with it"`
	DryRun      string `json:"dryRun,omitempty" jsonschema:"client or server, if the token was not created"`
}

// GeneratedToken is the result of token generate.
type GeneratedToken struct {
	Meta
	ID    string `json:"id" jsonschema:"the public part"`
	Token string `json:"token"`
}

// TokenCheck is the result of token check.
type TokenCheck struct {
	Meta
	ID             string   `json:"id"`
	Endpoint       string   `json:"endpoint,omitempty" jsonschema:"the address of the API server, for a check as a node"`
	Accepted       bool     `json:"accepted" jsonschema:"whether the API server accepts the token as a credential"`
	User           string   `json:"user,omitempty" jsonschema:"the user that the token authenticates as"`
	Groups         []string `json:"groups"`
	RejectedReason string   `json:"rejectedReason,omitempty" jsonschema:"why the API server rejects the token"`
	// For a check as an administrator:
	Token            *TokenInfo `json:"token,omitempty" jsonschema:"the content of the Secret"`
	Signing          bool       `json:"signing,omitempty" jsonschema:"whether bootstrapsigner signs cluster-info with the token"`
	NotSigningReason string     `json:"notSigningReason,omitempty" jsonschema:"why bootstrapsigner does not sign with the token"`
	Signature        string     `json:"signature,omitempty" jsonschema:"state of the token's signature in cluster-info: VALID, STALE, MISSING, or MALFORMED"`
	DeletionTime     *time.Time `json:"deletionTime,omitempty" jsonschema:"when tokencleaner deletes the token; absent if never"`
	Notes            []string   `json:"notes" jsonschema:"additional information"`
}

// TokenList is the result of token list.
type TokenList List[TokenInfo]

// ResultList is the result of a command that acts on several objects.
type ResultList List[Result]

// Result is the result for one object.
type Result struct {
	Name    string `json:"name"`
	Result  string `json:"result" jsonschema:"such as deleted or approved; refused by the approval policy or the server, skipped after a temporary error, or failed"`
	Code    int    `json:"code" jsonschema:"the exit code that this object alone would have; 0 for success"`
	Reason  string `json:"reason,omitempty" jsonschema:"the reason code of the failure"`
	Message string `json:"message,omitempty"`
	// For a CSR:
	UID   string       `json:"uid,omitempty"`
	Rules []RuleResult `json:"rules,omitempty" jsonschema:"the result of each rule of the approval policy"`
	// For a token that was deleted:
	PendingCSRs []string `json:"pendingCSRs,omitempty" jsonschema:"pending CSRs that were created with the token"`
	DeniedCSRs  []string `json:"deniedCSRs,omitempty" jsonschema:"CSRs that were created with the token and are now denied"`
}

// RuleResult is the result of one rule of the approval policy for a CSR.
type RuleResult struct {
	Rule        string `json:"rule"`
	Passed      bool   `json:"passed"`
	Message     string `json:"message,omitempty" jsonschema:"what was found"`
	Overridable bool   `json:"overridable" jsonschema:"whether --force overrides the rule"`
}

// ClusterInfo is the result of cluster-info show.
type ClusterInfo struct {
	Meta
	Server         string          `json:"server" jsonschema:"the API server's address for nodes"`
	CACertificates []CACertificate `json:"caCertificates"`
	Signatures     []string        `json:"signatures" jsonschema:"IDs of the tokens that cluster-info is signed with"`
	Verified       bool            `json:"verified" jsonschema:"whether cluster-info was read over a verified connection"`
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
	DryRun   bool                 `json:"dryRun" jsonschema:"whether this was a dry run that would have changed cluster-info"`
	Before   *ClusterInfoDocument `json:"before,omitempty" jsonschema:"absent if cluster-info did not exist"`
	After    ClusterInfoDocument  `json:"after"`
	Added    []string             `json:"added" jsonschema:"IDs of the tokens whose signatures were added"`
	Replaced []string             `json:"replaced" jsonschema:"IDs of the tokens whose signatures were replaced"`
	Removed  []string             `json:"removed" jsonschema:"IDs whose signatures were removed, because no valid signing token has them"`
}

// ClusterInfoDocument is the content of the kubeconfig in cluster-info.
type ClusterInfoDocument struct {
	Server  string   `json:"server,omitempty" jsonschema:"the API server's address for nodes"`
	Pins    []string `json:"pins" jsonschema:"the pins of the CA certificates"`
	Problem string   `json:"problem,omitempty" jsonschema:"why nodes reject the document"`
}

// ClusterInfoSignature is the result of cluster-info sign --file.
type ClusterInfoSignature struct {
	Meta
	TokenID   string `json:"tokenID"`
	Signature string `json:"signature" jsonschema:"the detached JWS for the key jws-kubeconfig-ID"`
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
	State   string `json:"state" jsonschema:"VALID, STALE, MISSING, MALFORMED, or ORPHAN"`
}

// CSRList is the result of csr list.
type CSRList List[CSR]

// CSR is a certificate signing request.
type CSR struct {
	Name              string    `json:"name"`
	UID               string    `json:"uid"`
	Created           time.Time `json:"created"`
	Signer            string    `json:"signer"`
	Requester         string    `json:"requester" jsonschema:"the user that created the CSR"`
	Groups            []string  `json:"groups"`
	Subject           string    `json:"subject"`
	NodeName          string    `json:"nodeName,omitempty"`
	SANs              []string  `json:"sans"`
	Usages            []string  `json:"usages"`
	ExpirationSeconds int32     `json:"expirationSeconds,omitempty"`
	Key               string    `json:"key" jsonschema:"type and size of the public key"`
	Fingerprint       string    `json:"fingerprint" jsonschema:"sha256: and the hex SHA-256 of the SubjectPublicKeyInfo"`
	Conditions        []string  `json:"conditions" jsonschema:"Pending, or the conditions of the CSR"`
	Reason            string    `json:"reason,omitempty" jsonschema:"the reason of the last decision"`
	Message           string    `json:"message,omitempty" jsonschema:"the message of the last decision"`
	Problem           string    `json:"problem,omitempty" jsonschema:"why spec.request cannot be parsed"`
}

// IssuedCertificate is the result of csr submit and csr wait.
type IssuedCertificate struct {
	Meta
	CSR         CSR          `json:"csr"`
	Certificate *Certificate `json:"certificate,omitempty" jsonschema:"absent if the command did not wait for it"`
}

// Certificate is a certificate that a signer issued.
type Certificate struct {
	PEM       string    `json:"pem" jsonschema:"the certificate and any intermediate certificates"`
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
}

// CSRReview is the result of csr review.
type CSRReview struct {
	Meta
	CSR               CSR          `json:"csr"`
	Token             *TokenInfo   `json:"token,omitempty" jsonschema:"the bootstrap token that created the CSR, if you are allowed to read it"`
	NodeExists        bool         `json:"nodeExists" jsonschema:"whether a Node of the requested name exists"`
	Rules             []RuleResult `json:"rules" jsonschema:"the result of each rule of the approval policy"`
	Approvable        bool         `json:"approvable" jsonschema:"whether csr approve approves the CSR"`
	SignerResult      string       `json:"signerResult" jsonschema:"what the signer does after approval: issued, failed, never-signed, or unknown"`
	SignerMessage     string       `json:"signerMessage,omitempty" jsonschema:"why the signer does that"`
	MayApprove        bool         `json:"mayApprove" jsonschema:"whether you are allowed to approve or deny the CSR"`
	MissingPermission string       `json:"missingPermission,omitempty" jsonschema:"the permission you lack to approve or deny the CSR"`
	PendingReason     string       `json:"pendingReason,omitempty" jsonschema:"why the CSR is still pending"`
	ConflictingCSRs   []string     `json:"conflictingCSRs" jsonschema:"CSRs for the same node with other keys, pending or approved"`
	Command           string       `json:"command,omitempty" jsonschema:"the next command to run"`
}

// JoinResult is the result of join.
type JoinResult struct {
	Meta
	State       string     `json:"state" jsonschema:"joined or already-joined; with --dry-run also not-joined or pending"`
	DryRun      bool       `json:"dryRun" jsonschema:"whether this was a dry run that changed nothing"`
	NodeName    string     `json:"nodeName"`
	Server      string     `json:"server"`
	Pins        []string   `json:"pins" jsonschema:"the pins of the CA certificates that the node trusts"`
	CSRName     string     `json:"csrName,omitempty" jsonschema:"the name of the certificate signing request"`
	Kubeconfig  string     `json:"kubeconfig"`
	Certificate string     `json:"certificate" jsonschema:"the file with certificate and key"`
	CAFile      string     `json:"caFile"`
	Repaired    []string   `json:"repaired,omitempty" jsonschema:"files that were repaired, or would be with --dry-run"`
	Steps       []JoinStep `json:"steps"`
	// For a node that has its credentials:
	Fingerprint string    `json:"fingerprint,omitempty" jsonschema:"the fingerprint of the node's public key"`
	NotBefore   time.Time `json:"notBefore,omitzero"`
	NotAfter    time.Time `json:"notAfter,omitzero"`
	Issuer      string    `json:"issuer,omitempty"`
	Username    string    `json:"username,omitempty" jsonschema:"the user that the API server authenticates the node as"`
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
	DryRun bool        `json:"dryRun" jsonschema:"whether this was a server-side dry run that changed nothing"`
	Items  []SetupItem `json:"items"`
}

// SetupItem is one object that setup manages.
type SetupItem struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Action    string `json:"action" jsonschema:"created, updated, signed, unchanged, deleted, kept, or skipped"`
	Message   string `json:"message,omitempty" jsonschema:"how the object differed, or why it was kept or skipped"`
}

// DoctorReport is the result of doctor.
type DoctorReport struct {
	Meta
	OK       int             `json:"ok" jsonschema:"the number of findings with status OK"`
	Warnings int             `json:"warnings" jsonschema:"the number of findings with status WARN"`
	Failures int             `json:"failures" jsonschema:"the number of findings with status FAIL"`
	Skipped  int             `json:"skipped" jsonschema:"the number of findings with status SKIP"`
	Items    []DoctorFinding `json:"items"`
}

// DoctorFinding is the result of one check. A check can have several findings.
type DoctorFinding struct {
	Check   string `json:"check" jsonschema:"the name of the check"`
	Status  string `json:"status" jsonschema:"OK, WARN, FAIL, or SKIP"`
	Reason  string `json:"reason,omitempty" jsonschema:"the reason code; absent if the status is OK"`
	Message string `json:"message" jsonschema:"what the check found"`
	Fix     string `json:"fix,omitempty" jsonschema:"the command that fixes it, or what to do if no command can"`
}

// Version is the result of version.
type Version struct {
	Meta
	Version   string `json:"version"`
	Commit    string `json:"commit,omitempty" jsonschema:"the commit that the program was built from, if known"`
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

	KubeAPIServerArgs         []string `json:"kubeAPIServerArgs,omitempty" jsonschema:"flags given in addition to the lab's own, each FLAG=VALUE"`
	KubeControllerManagerArgs []string `json:"kubeControllerManagerArgs,omitempty" jsonschema:"flags given in addition to the lab's own, each FLAG=VALUE"`
}

// Event is one line on stderr with -o json.
type Event struct {
	Event   string `json:"event" jsonschema:"warning, waiting, progress, request, or error"`
	Message string `json:"message"`
	// For a request to the API server:
	Method       string `json:"method,omitempty"`
	Path         string `json:"path,omitempty"`
	As           string `json:"as,omitempty"`
	Status       int    `json:"status,omitempty"`
	Milliseconds int64  `json:"milliseconds,omitempty" jsonschema:"the duration of a request, or how long the command has been waiting"`
	// For a CSR that is not approved yet:
	CSRName     string `json:"csrName,omitempty" jsonschema:"the name of the CSR"`
	Fingerprint string `json:"fingerprint,omitempty" jsonschema:"the fingerprint of the public key"`
	Command     string `json:"command,omitempty" jsonschema:"the command that approves the CSR, for an administrator"`
	// For an error, a reason for waiting, and some warnings:
	Reason string `json:"reason,omitempty" jsonschema:"the reason code"`
	Code   int    `json:"code,omitempty" jsonschema:"the exit code"`
	Retry  bool   `json:"retryable,omitempty" jsonschema:"whether the same command can succeed later"`
	Hint   string `json:"hint,omitempty"`
}
