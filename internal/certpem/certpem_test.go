package certpem_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
)

// newCert creates a certificate with the given serial number.
func newCert(t testing.TB, serial int64) *x509.Certificate {
	t.Helper()
	return testca.New(t, time.Now(), func(c *x509.Certificate) { c.SerialNumber = big.NewInt(serial) }).Certificate
}

func block(kind string, headers map[string]string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: der}))
}

func TestNext(t *testing.T) {
	good := block("A", nil, []byte("one"))
	tests := []struct {
		name, text string
		wantRest   string
	}{
		{"one block", good, ""},
		{"another block after it", good + block("B", nil, nil), block("B", nil, nil)},
		{"text after it", good + "text\n", "text\n"},
		{"a malformed block after it", good + "-----BEGIN A-----\n*\n", "-----BEGIN A-----\n*\n"},
		{"carriage returns", strings.ReplaceAll(good, "\n", "\r\n"), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			der, rest, err := certpem.Next([]byte(test.text), "A")
			if err != nil || string(der) != "one" || string(rest) != test.wantRest {
				t.Errorf("Next = %q, %q, %v, want the block and %q", der, rest, err, test.wantRest)
			}
		})
	}
}

func TestNext_Invalid(t *testing.T) {
	good := block("A", nil, []byte("one"))
	if _, _, err := certpem.Next([]byte(good), "A"); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty":                     "",
		"text":                      "text\n",
		"text before":               "text\n" + good,
		"line feed before":          "\n" + good,
		"space before":              " " + good,
		"byte order mark before":    "\ufeff" + good,
		"other type":                block("B", nil, []byte("one")),
		"type in another case":      block("a", nil, []byte("one")),
		"longer type":               block("A B", nil, []byte("one")),
		"block of another type":     block("B", nil, []byte("two")) + good,
		"malformed block before":    "-----BEGIN A-----\n*\n" + good,
		"unfinished block before":   "-----BEGIN A-----\n" + good,
		"headers":                   block("A", map[string]string{"a": "b"}, []byte("one")),
		"encryption header":         block("A", map[string]string{"Proc-Type": "4,ENCRYPTED"}, []byte("one")),
		"no end":                    strings.Replace(good, "-----END A-----\n", "", 1),
		"end of another type":       strings.Replace(good, "END A", "END B", 1),
		"text after the end":        strings.Replace(good, "END A-----", "END A-----x", 1),
		"base64 of another kind":    strings.Replace(good, "b25l", "b2-l", 1),
		"a block inside the block":  strings.Replace(good, "b25l", good+"b25l", 1),
		"begins with END":           "-----END A-----\n" + good,
		"dashes but no begin":       "----- A -----\nb25l\n-----END A-----\n",
		"begin without a line feed": "-----BEGIN A-----b25l\n-----END A-----\n",
	} {
		t.Run(name, func(t *testing.T) {
			der, rest, err := certpem.Next([]byte(text), "A")
			if err == nil {
				t.Errorf("Next(%q) = %q, %q, want an error", text, der, rest)
			}
			if der != nil || rest != nil {
				t.Errorf("%q and %q were returned with an error", der, rest)
			}
		})
	}
}

// Errors never quote invalid text, because it may be a private key.
func TestParse_ErrorsQuoteNothing(t *testing.T) {
	key := block("PRIVATE KEY", nil, []byte("a secret of the test"))
	body := strings.Split(key, "\n")[1]
	for name, text := range map[string]string{"key": key, "bad certificate": block("CERTIFICATE", nil, []byte("a secret of the test"))} {
		t.Run(name, func(t *testing.T) {
			_, err := certpem.Parse([]byte(text))
			if err == nil || strings.Contains(err.Error(), body) || strings.Contains(err.Error(), "a secret") {
				t.Errorf("error = %v, want one without the text", err)
			}
		})
	}
}

func TestParse(t *testing.T) {
	first, second := newCert(t, 1), newCert(t, 2)
	one, two := string(certpem.Encode(first)), string(certpem.Encode(second))
	tests := []struct {
		name, text string
		want       []*x509.Certificate
	}{
		{"one", one, []*x509.Certificate{first}},
		{"two", one + two, []*x509.Certificate{first, second}},
		{"two, reversed", two + one, []*x509.Certificate{second, first}},
		{"duplicate", one + one, []*x509.Certificate{first, first}},
		{"white space around and between", " \n\t" + one + "\n \r\n" + two + "\n\n", []*x509.Certificate{first, second}},
		{"no line feed at the end", strings.TrimSuffix(one, "\n"), []*x509.Certificate{first}},
		{"carriage returns", strings.ReplaceAll(one+two, "\n", "\r\n"), []*x509.Certificate{first, second}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := certpem.Parse([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			wantCerts(t, got, test.want...)
		})
	}
}

func TestParse_Invalid(t *testing.T) {
	cert := newCert(t, 1)
	good := string(certpem.Encode(cert))
	if _, err := certpem.Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	key := block("PRIVATE KEY", nil, []byte("key"))
	for name, text := range map[string]string{
		"empty":                        "",
		"white space":                  " \n\t",
		"only a key":                   key,
		"key after":                    good + key,
		"key before":                   key + good,
		"key between":                  good + key + good,
		"text after":                   good + "text\n",
		"text before":                  "text\n" + good,
		"text between":                 good + "text\n" + good,
		"comment before":               "# the CA\n" + good,
		"malformed block before":       "-----BEGIN CERTIFICATE-----\n*\n" + good,
		"malformed block between":      good + "-----BEGIN CERTIFICATE-----\n*\n" + good,
		"malformed block after":        good + "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n",
		"half a block after":           good + good[:len(good)/2],
		"headers":                      block("CERTIFICATE", map[string]string{"a": "b"}, cert.Raw),
		"headers of the second":        good + block("CERTIFICATE", map[string]string{"a": "b"}, cert.Raw),
		"other type":                   block("X509 CERTIFICATE", nil, cert.Raw),
		"certificate request":          block("CERTIFICATE REQUEST", nil, cert.Raw),
		"invalid certificate":          block("CERTIFICATE", nil, []byte("x")),
		"empty block":                  block("CERTIFICATE", nil, nil),
		"a byte after the certificate": block("CERTIFICATE", nil, append(bytes.Clone(cert.Raw), 0)),
		"two certificates in a block":  block("CERTIFICATE", nil, append(bytes.Clone(cert.Raw), cert.Raw...)),
		"DER":                          string(cert.Raw),
		"zero byte after":              good + "\x00",
	} {
		t.Run(name, func(t *testing.T) {
			if certs, err := certpem.Parse([]byte(text)); err == nil || certs != nil {
				t.Errorf("Parse = %d certificates, %v, want only an error", len(certs), err)
			}
		})
	}
}

func TestEncode(t *testing.T) {
	first, second := newCert(t, 1), newCert(t, 2)
	want := block("CERTIFICATE", nil, first.Raw) + block("CERTIFICATE", nil, second.Raw)
	if got := string(certpem.Encode(first, second)); got != want {
		t.Errorf("Encode = %s, want %s", got, want)
	}
	if got := certpem.Encode(); len(got) != 0 {
		t.Errorf("Encode of nothing = %q", got)
	}
}

func TestSplit(t *testing.T) {
	one, two := string(certpem.Encode(newCert(t, 1))), string(certpem.Encode(newCert(t, 2)))
	key := block("EC PRIVATE KEY", nil, []byte("key"))
	tests := []struct{ name, text, wantCerts, wantRest string }{
		{"certificate, key", one + key, one, key},
		{"two certificates, key", one + two + key, one + two, key},
		{"certificate after the key", one + key + two, one, key + two},
		{"only a key", key, "", key},
		{"only a certificate", one, one, ""},
		{"only a CSR", block("CERTIFICATE REQUEST", nil, nil), "", block("CERTIFICATE REQUEST", nil, nil)},
		{"only text", "text", "", "text"},
		{"text after", one + "text", one, "text"},
		{"malformed key after", one + "-----BEGIN EC PRIVATE KEY-----\n*\n", one, "-----BEGIN EC PRIVATE KEY-----\n*\n"},
		{"empty", "", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			certs, rest := certpem.Split([]byte(test.text))
			if string(certs) != test.wantCerts || string(rest) != test.wantRest {
				t.Errorf("Split = %q and %q, want %q and %q", certs, rest, test.wantCerts, test.wantRest)
			}
		})
	}
}

// Text that Parse accepts contains only certificates: encoding them again yields the same
// text, except for white space.
func FuzzParse(f *testing.F) {
	good := certpem.Encode(newCert(f, 1), newCert(f, 2))
	f.Add(good)
	f.Add(append([]byte("-----BEGIN CERTIFICATE-----\n*\n"), good...))
	f.Add(bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n ")))
	f.Add([]byte(block("CERTIFICATE", map[string]string{"a": "b"}, nil)))
	f.Fuzz(func(t *testing.T, text []byte) {
		certs, rest := certpem.Split(text)
		if string(certs)+string(rest) != string(text) {
			t.Errorf("Split(%q) = %q and %q", text, certs, rest)
		}
		parsed, err := certpem.Parse(text)
		if err != nil {
			return
		}
		if len(parsed) == 0 {
			t.Fatalf("Parse(%q) returned no certificate", text)
		}
		if got, want := stripSpace(certpem.Encode(parsed...)), stripSpace(text); got != want {
			t.Errorf("Parse(%q), encoded again, is %q", text, got)
		}
	})
}

// stripSpace removes white space.
func stripSpace(text []byte) string { return strings.Join(strings.Fields(string(text)), "") }

func wantCerts(t *testing.T, got []*x509.Certificate, want ...*x509.Certificate) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d certificates, want %d", len(got), len(want))
	}
	for i := range want {
		if !got[i].Equal(want[i]) {
			t.Errorf("certificate %d is different", i)
		}
	}
}
