package faultproxy

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// Fault is what is done to one request and its answer. The zero value is nothing.
type Fault struct {
	// Delay is how long the request is held back.
	Delay time.Duration
	// Drop hangs up before the API server hears of it, DropAnswer after.
	Drop, DropAnswer bool
	// Repeat lets the API server hear it once more before, and loses that answer.
	Repeat bool
	// Answer is given in place of the API server, which does not hear of it.
	Answer http.HandlerFunc
	// Rewrite changes the answer.
	Rewrite func(*http.Response) error
}

// IsNone says whether nothing is done.
func (f Fault) IsNone() bool { return reflect.ValueOf(f).IsZero() }

// bound is how much the endless answers send to a client that never hangs up.
const bound = 1 << 30

// Never gives no answer.
func Never() Fault {
	return Fault{Answer: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}
}

// Refuse answers with a Status of an API server; retryAfter may be empty.
func Refuse(code int32, reason metav1.StatusReason, message, retryAfter string) Fault {
	status := metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Code: code, Reason: reason, Message: message,
	}
	return Fault{Answer: func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(code))
		json.NewEncoder(w).Encode(status) //nolint:errcheck // the client may be gone
	}}
}

// Page answers 200 with a text.
func Page(contentType, text string) Fault {
	return Fault{Answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, text) //nolint:errcheck // the client may be gone
	}}
}

// Redirect sends the client elsewhere, with its method and credentials.
func Redirect(to string) Fault {
	return Fault{Answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}}
}

// HugeHeader answers with a header of 1 MiB.
func HugeHeader() Fault {
	return Fault{Rewrite: func(resp *http.Response) error {
		resp.Header.Set("X-Filler", strings.Repeat("x", 1<<20))
		return nil
	}}
}

// beginning is where an object begins that has no end.
const beginning = `{"kind":"Status","apiVersion":"v1","message":"`

// Endless answers with an object that has no end, as fast as the client reads.
func Endless() Fault {
	return Fault{Answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, beginning) //nolint:errcheck // fill notices
		fill(w)
	}}
}

// GzipBomb answers with the same, a thousandth of it on the wire.
func GzipBomb() Fault {
	return Fault{Answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		packed, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is valid
		io.WriteString(packed, beginning)                   //nolint:errcheck // fill notices
		fill(packed)
	}}
}

func fill(w io.Writer) {
	block := bytes.Repeat([]byte("x"), 1<<20)
	for sent := 0; sent < bound; sent += len(block) {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// Drip answers with the beginning of an object, a byte a second.
func Drip() Fault {
	return Fault{Answer: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for text := beginning; ; text += "x" {
			io.WriteString(w, text[:1]) //nolint:errcheck // the context ends
			text = text[1:]
			http.NewResponseController(w).Flush() //nolint:errcheck // the context ends
			select {
			case <-r.Context().Done():
				panic(http.ErrAbortHandler) // an end in good order could still be read
			case <-time.After(time.Second):
			}
		}
	}}
}

// Event is one of a watch.
type Event struct {
	Type   string `json:"type"`
	Object any    `json:"object"`
}

// Events answers a watch with these, and then closes it.
func Events(events ...Event) Fault {
	return Fault{Answer: func(w http.ResponseWriter, _ *http.Request) { send(w, events) }}
}

// EventsThenSilence answers a watch with these, and then no more.
func EventsThenSilence(events ...Event) Fault {
	return Fault{Answer: func(w http.ResponseWriter, r *http.Request) {
		send(w, events)
		<-r.Context().Done()
	}}
}

func send(w http.ResponseWriter, events []Event) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	for _, event := range events {
		json.NewEncoder(w).Encode(event) //nolint:errcheck // the client may be gone
	}
	http.NewResponseController(w).Flush() //nolint:errcheck // the client may be gone
}

// Truncated cuts the answer off in its middle; of a watch, after some bytes.
func Truncated() Fault {
	return Fault{Rewrite: func(resp *http.Response) error {
		length := int64(40)
		if resp.ContentLength > 0 {
			length = resp.ContentLength / 2
		}
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, length), resp.Body}
		return nil
	}}
}

// ShiftDate makes the server's clock run ahead by so much.
func ShiftDate(by time.Duration) Fault {
	return Fault{Rewrite: func(resp *http.Response) error {
		resp.Header.Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
		return nil
	}}
}

// Hangup lets the connection end with the answer.
func Hangup(resp *http.Response) error {
	resp.Header.Set("Connection", "close")
	return nil
}

// Change changes the object of an answer that is a T, in whichever encoding it
// came.
func Change[T runtime.Object](change func(T) error) func(*http.Response) error {
	return func(resp *http.Response) error {
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		decoded, kind, err := scheme.Codecs.UniversalDeserializer().Decode(text, nil, nil)
		if err != nil {
			return err
		}
		if object, ok := decoded.(T); ok {
			if err := change(object); err != nil {
				return err
			}
			object.GetObjectKind().SetGroupVersionKind(*kind)
			if text, err = json.Marshal(object); err != nil {
				return err
			}
			resp.Header.Set("Content-Type", "application/json")
		}
		resp.Header.Set("Content-Length", strconv.Itoa(len(text)))
		resp.ContentLength, resp.Body = int64(len(text)), io.NopCloser(bytes.NewReader(text))
		return nil
	}
}
