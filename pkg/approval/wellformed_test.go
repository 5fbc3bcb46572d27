package approval_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

// tlv returns an element with the identifier octet and the contents, in DER.
func tlv(identifier byte, contents ...[]byte) []byte {
	value := slices.Concat(contents...)
	length := []byte{byte(len(value))}
	if len(value) > 255 {
		length = []byte{0x82, byte(len(value) >> 8), byte(len(value))}
	} else if len(value) > 127 {
		length = []byte{0x81, byte(len(value))}
	}
	return slices.Concat([]byte{identifier}, length, value)
}

// Identifier octets: X.690, section 8.1.2.
const (
	tagInteger     = 0x02
	tagBitString   = 0x03
	tagOctetString = 0x04
	tagNull        = 0x05
	tagUTF8        = 0x0c
	tagPrintable   = 0x13
	tagTeletex     = 0x14
	tagIA5         = 0x16
	tagBMP         = 0x1e
	tagSequence    = 0x30
	tagSet         = 0x31
	tagAttributes  = 0xa0
)

// derRequest has the parts of a PKCS#10 request; crypto/x509 would not create most of them.
type derRequest struct {
	version, subject, key, attributes []byte
	afterAttributes, afterSignature   []byte
	algorithmParameters               []byte
	signature                         func([]byte) []byte
}

func oid(t *testing.T, numbers ...int) []byte {
	t.Helper()
	return mustDER(t, asn1.ObjectIdentifier(numbers))
}

// attr returns an attribute of a subject.
func attr(t *testing.T, kind int, tag byte, text string) []byte {
	t.Helper()
	return tlv(tagSet, tlv(tagSequence, oid(t, 2, 5, 4, kind), tlv(tag, []byte(text))))
}

// sign returns the request, with a valid signature, in PEM.
func (d derRequest) sign(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	info := tlv(tagSequence, d.version, d.subject, d.key, d.attributes, d.afterAttributes)
	sum := sha256.Sum256(info)
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	bits := tlv(tagBitString, []byte{0}, signature)
	if d.signature != nil {
		bits = d.signature(signature)
	}
	algorithm := tlv(tagSequence, oid(t, 1, 2, 840, 10045, 4, 3, 2), d.algorithmParameters)
	return testcsr.Block("CERTIFICATE REQUEST", nil, tlv(tagSequence, info, algorithm, bits, d.afterSignature))
}

// A part of a request that no rule reads, but that a signer could copy, violates the
// policy. Each request that crypto/x509 parses has a valid signature.
func TestCheck_WellFormed(t *testing.T) {
	key := testcsr.NewKey(t)
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	o, cn := attr(t, 10, tagPrintable, "system:nodes"), attr(t, 3, tagPrintable, "system:node:"+testcsr.NodeName)
	masters := func(tag byte) []byte { return attr(t, 10, tag, "system:masters") }
	subject := func(parts ...[]byte) func(*derRequest) {
		return func(d *derRequest) { d.subject = tlv(tagSequence, parts...) }
	}
	attributes := func(list ...[]byte) func(*derRequest) {
		return func(d *derRequest) { d.attributes = tlv(tagAttributes, list...) }
	}
	attribute := func(kind []byte, values ...[]byte) []byte {
		return tlv(tagSequence, kind, tlv(tagSet, values...))
	}
	extensionRequest, password := oid(t, 1, 2, 840, 113549, 1, 9, 14), oid(t, 1, 2, 840, 113549, 1, 9, 7)
	extension := func(kind, value []byte) []byte { return tlv(tagSequence, kind, tlv(tagOctetString, value)) }
	extensions := func(list ...[]byte) func(*derRequest) {
		return attributes(attribute(extensionRequest, tlv(tagSequence, list...)))
	}
	san, dns := oid(t, 2, 5, 29, 17), tlv(0x82, []byte("a"))
	curve := slices.Concat(oid(t, 1, 2, 840, 10045, 2, 1), oid(t, 1, 2, 840, 10045, 3, 1, 7))
	point := tlv(tagBitString, []byte{0}, public[len(public)-65:])
	const unparsable = "unparsable by crypto/x509"
	tests := []struct {
		name   string
		change func(*derRequest)
		want   string // in the message; empty for a well-formed request
	}{
		{"as a kubelet sends it", func(*derRequest) {}, ""},
		{"subject in UTF-8", subject(attr(t, 10, tagUTF8, "system:nodes"), attr(t, 3, tagUTF8, "system:node:worker-1")), ""},
		{"algorithm with NULL", func(d *derRequest) { d.algorithmParameters = tlv(tagNull) }, ""},

		{"organization as octets", subject(o, masters(tagOctetString), cn), "PrintableString"},
		{"organization as an integer", subject(o, attr(t, 10, tagInteger, "\x07"), cn), "PrintableString"},
		{"organization in BMP", subject(o, attr(t, 10, tagBMP, "\x00s\x00:"), cn), "PrintableString"},
		{"organization in Teletex", subject(o, masters(tagTeletex), cn), "PrintableString"},
		{"organization in IA5", subject(o, masters(tagIA5), cn), "PrintableString"},
		{"organization of another class", subject(o, masters(0x93), cn), "PrintableString"},
		{"organization as a sequence", subject(o, tlv(tagSet, tlv(tagSequence, oid(t, 2, 5, 4, 10), tlv(tagSequence, tlv(tagPrintable, []byte("system:masters"))))), cn), "PrintableString"},
		{"printable string with an at sign", subject(o, attr(t, 3, tagPrintable, "system:node:a@b")), unparsable},
		{"attribute with two values", subject(o, cn, tlv(tagSet, tlv(tagSequence, oid(t, 2, 5, 4, 10), tlv(tagPrintable, []byte("x")), tlv(tagPrintable, []byte("system:masters"))))), "one value"},
		{"attribute without a value", subject(o, cn, tlv(tagSet, tlv(tagSequence, oid(t, 2, 5, 4, 10)))), unparsable},
		{"unit", subject(o, attr(t, 11, tagPrintable, "system:masters"), cn), "neither CN nor O"},
		{"unknown attribute as octets", subject(o, cn, tlv(tagSet, tlv(tagSequence, oid(t, 1, 2, 3), tlv(tagOctetString, []byte("system:masters"))))), "neither CN nor O"},

		{"version 1", func(d *derRequest) { d.version = tlv(tagInteger, []byte{1}) }, "version"},
		{"version 2", func(d *derRequest) { d.version = tlv(tagInteger, []byte{2}) }, "version"},
		{"negative version", func(d *derRequest) { d.version = tlv(tagInteger, []byte{0xff}) }, "version"},
		{"element after the attributes", func(d *derRequest) { d.afterAttributes = masters(tagPrintable) }, "5 elements"},
		{"second attributes", func(d *derRequest) { d.afterAttributes = tlv(tagAttributes) }, "5 elements"},
		{"extensions of a certificate after the attributes", func(d *derRequest) {
			d.afterAttributes = tlv(0xa3, tlv(tagSequence, extension(san, tlv(tagSequence, dns))))
		}, "5 elements"},
		{"element after the signature", func(d *derRequest) { d.afterSignature = masters(tagPrintable) }, "4 elements"},
		{"no attributes", func(d *derRequest) { d.attributes = nil }, unparsable},
		{"attributes with another tag", func(d *derRequest) { d.attributes = tlv(0xa1) }, unparsable},
		{"two parameters of the algorithm", func(d *derRequest) { d.algorithmParameters = slices.Concat(tlv(tagNull), tlv(tagNull)) }, "signature"},

		{"challenge password", attributes(attribute(password, tlv(tagUTF8, []byte("x")))), "challengePassword"},
		{"unknown attribute", attributes(attribute(oid(t, 1, 2, 3), tlv(tagUTF8, []byte("x")))), "unknown"},
		{"unstructured name", attributes(attribute(oid(t, 1, 2, 840, 113549, 1, 9, 2), tlv(tagUTF8, []byte("x")))), "unknown"},
		{"extensions twice", attributes(attribute(extensionRequest, tlv(tagSequence)), attribute(extensionRequest, tlv(tagSequence))), "twice"},
		{"two values", attributes(attribute(extensionRequest, tlv(tagSequence), tlv(tagSequence, extension(san, tlv(tagSequence, dns))))), "2 values"},
		{"no value", attributes(attribute(extensionRequest)), "0 values"},
		{"element after the values", attributes(tlv(tagSequence, extensionRequest, tlv(tagSet, tlv(tagSequence)), masters(tagPrintable))), "one set"},
		{"Microsoft's extensions", attributes(attribute(oid(t, 1, 3, 6, 1, 4, 1, 311, 2, 1, 14), tlv(tagSequence, extension(san, tlv(tagSequence, dns))))), "unknown"},

		{"name constraints", extensions(extension(oid(t, 2, 5, 29, 30), tlv(tagSequence))), "unknown"},
		{"names twice", extensions(extension(san, tlv(tagSequence, dns)), extension(san, tlv(tagSequence, tlv(0x82, []byte("b"))))), unparsable},
		{"directory name", extensions(extension(san, tlv(tagSequence, dns, tlv(0xa4, tlv(tagSequence, o))))), "RFC 5280"},
		{"other name", extensions(extension(san, tlv(tagSequence, dns, tlv(0xa0, oid(t, 1, 2, 3), tlv(0xa0, tlv(tagUTF8, []byte("x"))))))), "RFC 5280"},
		{"registered ID", extensions(extension(san, tlv(tagSequence, dns, tlv(0x88, []byte{42, 3})))), "RFC 5280"},
		{"universal name", extensions(extension(san, tlv(tagSequence, dns, tlv(tagIA5, []byte("b"))))), "RFC 5280"},
		{"compound DNS name", extensions(extension(san, tlv(tagSequence, dns, tlv(0xa2, tlv(tagIA5, []byte("b")))))), "RFC 5280"},
		{"compound DNS name that is text", extensions(extension(san, tlv(tagSequence, dns, tlv(0xa2, []byte("0 "+strings.Repeat("a", 32)))))), "RFC 5280"},
		{"basic constraints in an unusual form", extensions(extension(oid(t, 2, 5, 29, 19), tlv(tagSequence, tlv(0x01, []byte{0})))), "RFC 5280"},
		{"basic constraints with an element after", extensions(extension(oid(t, 2, 5, 29, 19), tlv(tagSequence, tlv(0x01, []byte{0xff}), tlv(tagNull)))), "RFC 5280"},
		{"key usage with an element after", extensions(extension(oid(t, 2, 5, 29, 15), slices.Concat(tlv(tagBitString, []byte{7, 0x80}), tlv(tagNull)))), "RFC 5280"},
		{"extended key usage with text", extensions(extension(oid(t, 2, 5, 29, 37), tlv(tagSequence, oid(t, 1, 3, 6, 1, 5, 5, 7, 3, 2), tlv(tagUTF8, []byte("x"))))), "RFC 5280"},
		{"not critical, in an unusual form", attributes(attribute(extensionRequest, tlv(tagSequence, tlv(tagSequence, san, tlv(0x01, []byte{0}), tlv(tagOctetString, tlv(tagSequence, dns)))))), "RFC 5280"},
		{"known extensions", extensions(
			extension(oid(t, 2, 5, 29, 15), tlv(tagBitString, []byte{5, 0xa0})), extension(oid(t, 2, 5, 29, 19), tlv(tagSequence)),
			extension(oid(t, 2, 5, 29, 37), tlv(tagSequence, oid(t, 1, 3, 6, 1, 5, 5, 7, 3, 2))), extension(oid(t, 2, 5, 29, 14), tlv(tagOctetString, []byte{1, 2})),
			extension(san, tlv(tagSequence, dns, tlv(0x87, []byte{10, 0, 0, 1}), tlv(0x81, []byte("a@b")), tlv(0x86, []byte("a://b"))))), ""},
		{"parameter after the curve of the key", func(d *derRequest) { d.key = tlv(tagSequence, tlv(tagSequence, curve, masters(tagPrintable)), point) }, "public key"},
		{"element after the key", func(d *derRequest) { d.key = tlv(tagSequence, tlv(tagSequence, curve), point, masters(tagPrintable)) }, "public key"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := derRequest{version: tlv(tagInteger, []byte{0}), subject: tlv(tagSequence, o, cn), key: public, attributes: tlv(tagAttributes)}
			test.change(&d)
			request := csr.Decode(testcsr.Stored(t, key, func(o *testcsr.Object) { o.Spec.Request = d.sign(t, key) }))
			if test.want == unparsable {
				if request.Problem == "" {
					t.Error("crypto/x509 parses it")
				}
				return
			}
			if request.Problem != "" {
				t.Fatal(request.Problem)
			}
			for _, result := range approval.Check(request, approval.Facts{}) {
				isGood := result.Passed == (test.want == "") && strings.Contains(result.Message, test.want) && !result.Overridable
				if result.Rule == "well-formed" && !isGood || result.Rule == "signed with its key" && !result.Passed {
					t.Errorf("result %+v, want %q", result, test.want)
				}
			}
		})
	}
}

// Genuine requests of common tools are well-formed.
func TestCheck_GenuineTools(t *testing.T) {
	files, err := filepath.Glob("testdata/genuine/*.csr")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			signer := csr.KubeletClient
			if strings.HasPrefix(filepath.Base(file), "user-") {
				signer = csr.APIServerClient
			} else if strings.HasPrefix(filepath.Base(file), "server-") {
				signer = "example.com/server"
			}
			request := csr.Decode(testcsr.Stored(t, testcsr.NewKey(t), testcsr.Signer(signer), func(o *testcsr.Object) { o.Spec.Request = text }))
			if signer != csr.KubeletClient {
				request.Username, request.Groups = "alice", nil
			}
			if request.NodeName() != "" && request.NodeName() != testcsr.NodeName {
				t.Errorf("the request is for node %q", request.NodeName())
			}
			usages := []string{"digital signature", "client auth"}
			request.Usages = usages
			if violations := approval.Violations(approval.Check(request, approval.Facts{Signer: signer})); len(violations) > 0 {
				t.Errorf("violations: %v", violations)
			}
		})
	}
}
