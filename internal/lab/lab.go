package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrUnsupported means that this operating system has no bootctl-lab.
var ErrUnsupported = errors.New("the lab runs on Linux and macOS only")

// A Lab is the directory of one control plane, which may be running or not.
type Lab struct {
	Dir string // the zero value is not valid; see DefaultDir
}

// DefaultDir returns bootctl/lab under the XDG state directory. It returns an
// error when neither $XDG_STATE_HOME nor $HOME is set.
//
// It follows the XDG Base Directory Specification: a relative
// $XDG_STATE_HOME is ignored.
func DefaultDir(getenv func(string) string) (string, error) {
	state := getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home := getenv("HOME")
		if home == "" {
			return "", errors.New("no place for the lab: neither $XDG_STATE_HOME nor $HOME is set")
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "bootctl", "lab"), nil
}

// Kubeconfig returns the path of the administrator's kubeconfig.
func (l Lab) Kubeconfig() string { return l.path(KubeconfigFile) }

// LogFile returns the path of the log that Up makes the server append to.
func (l Lab) LogFile() string { return l.path(logFile) }

func (l Lab) path(name string) string { return filepath.Join(l.Dir, name) }

// Names inside a lab directory.
const (
	PKIDir         = "pki"              // keys and certificates
	EtcdDir        = "etcd"             // the cluster's data
	EtcdSocket     = "etcd.sock"        // where only the API server connects
	EtcdPeerSocket = "etcd-peer.sock"   // etcd insists; it has no peers
	KubeconfigFile = "admin.kubeconfig" // administrator's access
	RecordFile     = "lab.json"         // what is kept for ever: the port
	ReadyFile      = "ready.json"       // the Ready of the last server
	lockFile       = "lock"
	logFile        = "serve.log"
)

// A Ready describes a server that serves. It is the line on the server's
// stdout and the content of ReadyFile.
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

// A Failure is the last line on stderr of a server that gave up.
type Failure struct {
	Event   string `json:"event"` // always "error"
	Pid     int    `json:"pid"`
	Reason  string `json:"reason"` // one stable word, such as PortTaken
	Message string `json:"message"`
}

// ReasonRunning is the reason of a server that found its directory locked.
const ReasonRunning = "LabRunning"

// readReady returns what the server with that pid wrote, or nil if it has not
// written yet.
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
		return nil, nil // of an earlier server, which was killed
	}
	return &r, nil
}

// A Version is what `bootctl-lab version -o json` prints.
type Version struct {
	Version           string `json:"version"`           // of bootctl-lab
	KubernetesVersion string `json:"kubernetesVersion"` // such as v1.37.2
}

// A Status is what can be seen of a lab from outside.
type Status struct {
	Exists  bool   // whether it was ever started here
	Running bool   // whether a server has the directory, ready or not
	Pid     int    // of that server; 0 or less when it is not visible from here
	Ready   *Ready // what the running server said; nil until it is ready
}

// Status looks at the lab's lock and files. It asks no server.
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
