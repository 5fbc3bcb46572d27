package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrUnsupported means that bootctl-lab does not run on this operating system.
var ErrUnsupported = errors.New("the lab runs on Linux and macOS only")

// A Lab is the directory of a control plane, running or stopped.
type Lab struct {
	Dir string // the zero value is not valid; see DefaultDir
}

// DefaultDir returns bootctl/lab in the XDG state directory. It returns an error if neither
// $XDG_STATE_HOME nor $HOME is set.
//
// Source: XDG Base Directory Specification, which ignores a relative $XDG_STATE_HOME.
func DefaultDir(getenv func(string) string) (string, error) {
	state := getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home := getenv("HOME")
		if home == "" {
			return "", errors.New("no directory for the lab: neither $XDG_STATE_HOME nor $HOME is set")
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "bootctl", "lab"), nil
}

// Kubeconfig returns the path of the administrator's kubeconfig.
func (l Lab) Kubeconfig() string { return l.path(KubeconfigFile) }

// LogFile returns the path of the log to which the server appends.
func (l Lab) LogFile() string { return l.path(logFile) }

func (l Lab) path(name string) string { return filepath.Join(l.Dir, name) }

// Names inside a lab directory.
const (
	PKIDir         = "pki"              // keys and certificates
	EtcdDir        = "etcd"             // the cluster's data
	EtcdSocket     = "etcd.sock"        // only the API server connects to it
	EtcdPeerSocket = "etcd-peer.sock"   // required by etcd, although it has no peers
	KubeconfigFile = "admin.kubeconfig" // administrator's access
	RecordFile     = "lab.json"         // the port, which never changes
	ReadyFile      = "ready.json"       // the Ready of the latest server
	lockFile       = "lock"
	logFile        = "serve.log"
)

// A Ready describes a server that is ready. It is the line on the server's stdout and the
// content of ReadyFile.
type Ready struct {
	Event             string `json:"event"` // always "ready"
	Pid               int    `json:"pid"`
	Server            string `json:"server"`            // https://127.0.0.1:PORT
	Kubeconfig        string `json:"kubeconfig"`        // absolute path
	CAFile            string `json:"caFile"`            // absolute path
	Version           string `json:"version"`           // of bootctl-lab
	KubernetesVersion string `json:"kubernetesVersion"` // such as v1.37.2
	Config
}

// A Failure is the last line on stderr of a server that failed.
type Failure struct {
	Event   string `json:"event"` // always "error"
	Pid     int    `json:"pid"`
	Reason  string `json:"reason"` // a reason code, such as PortTaken
	Message string `json:"message"`
}

// ReasonRunning is the reason of a server that found its directory locked.
const ReasonRunning = "LabRunning"

// readReady returns the Ready of the server with that PID, or nil if it is not ready yet.
func (l Lab) readReady(pid int) (*Ready, error) {
	data, err := os.ReadFile(l.path(ReadyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r Ready
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("read %s: %w", l.path(ReadyFile), err)
	}
	if r.Pid != pid {
		return nil, nil // from an earlier server, which was killed
	}
	return &r, nil
}

// A Version is the output of `bootctl-lab version -o json`.
type Version struct {
	Version           string `json:"version"`           // of bootctl-lab
	KubernetesVersion string `json:"kubernetesVersion"` // such as v1.37.2
}

// A Status is the state of a lab.
type Status struct {
	Exists  bool   // whether a lab was ever started in the directory
	Running bool   // whether a server holds the lock, ready or not
	Pid     int    // the server's; 0 or less if not visible from this PID namespace
	Ready   *Ready // the running server's; nil until it is ready
}

// Status reads the lab's lock and files. It does not contact the server.
func (l Lab) Status() (Status, error) {
	pid, held, err := l.holder()
	if err != nil {
		return Status{}, err
	}
	s := Status{Exists: l.Exists(), Running: held, Pid: pid}
	if held {
		s.Ready, err = l.readReady(pid)
	}
	return s, err
}
