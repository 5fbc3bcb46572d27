package kubeclient

import (
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
)

// Event reports the progress of work that takes time. Only the field that the event is
// about is set.
type Event struct {
	// Step is the name of a step that begins.
	Step string
	// Waiting is the error that the work waits out. It is reported again when it changes.
	Waiting error
	// CSR is the CSR as the API server has it, once it was submitted.
	CSR *certificatesv1.CertificateSigningRequest
	// ClockBehind is how far the clock of this machine is behind the server's, negative
	// when it is ahead. It is reported once, and only if it is over a minute.
	ClockBehind time.Duration
}

// Observer receives the events of work that takes time, possibly from several
// goroutines. A nil Observer ignores them.
type Observer func(Event)

// Notify calls the observer, if there is one.
func (o Observer) Notify(event Event) {
	if o != nil {
		o(event)
	}
}
