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

// Fault is a fault of one request or its response. The zero value is no fault.
type Fault struct {
	// Delay is the time before the request is forwarded.
	Delay time.Duration
	// Drop closes the connection before the request is forwarded, DropAnswer after.
	Drop, DropAnswer bool
	// Repeat forwards the request twice, and drops the first response.
	Repeat bool
	// Answer responds instead of the API server, which does not get the request.
	Answer http.HandlerFunc
	// Rewrite changes the response.
	Rewrite func(*http.Response) error
}

// IsNone reports whether f is no fault.
func (f Fault) IsNone() bool { return reflect.ValueOf(f).IsZero() }

// bound is the size of the endless responses to a client that never closes.
const bound = 1 << 30

// Never does not respond.
func Never() Fault {
	return Fault{Answer: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}
}

// Refuse responds with a Status; retryAfter may be empty.
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

// Page responds with 200 and a text.
func Page(contentType, text string) Fault {
	return Fault{Answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, text) //nolint:errcheck // the client may be gone
	}}
}

// Redirect redirects the client to the URL with its method and credentials.
func Redirect(to string) Fault {
	return Fault{Answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}}
}

// HugeHeader responds with a header of 1 MiB.
func HugeHeader() Fault {
	return Fault{Rewrite: func(resp *http.Response) error {
		resp.Header.Set("X-Filler", strings.Repeat("x", 1<<20))
		return nil
	}}
}

// beginning is the beginning of an endless object.
const beginning = `{"kind":"Status","apiVersion":"v1","message":"`

// Endless responds with an endless object, as fast as the client reads.
func Endless() Fault {
	return Fault{Answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, beginning) //nolint:errcheck // fill notices
		fill(w)
	}}
}

// GzipBomb responds with the same object, compressed to a thousandth of its size.
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

// Drip responds with the beginning of an object, one byte a second.
func Drip() Fault {
	return Fault{Answer: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for text := beginning; ; text += "x" {
			io.WriteString(w, text[:1]) //nolint:errcheck // the context ends
			text = text[1:]
			http.NewResponseController(w).Flush() //nolint:errcheck // the context ends
			select {
			case <-r.Context().Done():
				panic(http.ErrAbortHandler) // a regular end would complete the response
			case <-time.After(time.Second):
			}
		}
	}}
}

// Event is a watch event.
type Event struct {
	Type   string `json:"type"`
	Object any    `json:"object"`
}

// Events sends the events to a watch and then closes it.
func Events(events ...Event) Fault {
	return Fault{Answer: func(w http.ResponseWriter, _ *http.Request) { send(w, events) }}
}

// EventsThenSilence sends the events to a watch and then nothing more.
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

// Truncated cuts the response off in the middle, or a watch after some bytes.
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

// ShiftDate moves the server's clock ahead by the duration.
func ShiftDate(by time.Duration) Fault {
	return Fault{Rewrite: func(resp *http.Response) error {
		resp.Header.Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
		return nil
	}}
}

// Hangup closes the connection after the response.
func Hangup(resp *http.Response) error {
	resp.Header.Set("Connection", "close")
	return nil
}

// Change changes the object in a response if it is a T, and keeps the response's
// encoding.
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
