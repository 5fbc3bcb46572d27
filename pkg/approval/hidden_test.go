package approval_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

func mustDER(t *testing.T, value any) []byte {
	t.Helper()
	der, err := asn1.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// withAttributes creates a node's CSR with these attributes, which crypto/x509 cannot
// create.
func withAttributes(t *testing.T, key *ecdsa.PrivateKey, attributes ...attribute) []byte {
	t.Helper()
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, a := range attributes {
		all = append(all, mustDER(t, a)...)
	}
	info := mustDER(t, struct {
		Version    int
		Subject    asn1.RawValue
		Key        asn1.RawValue
		Attributes asn1.RawValue
	}{
		0, asn1.RawValue{FullBytes: mustDER(t, testcsr.NodeSubject().ToRDNSequence())}, asn1.RawValue{FullBytes: public},
		asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: all},
	})
	sum := sha256.Sum256(info)
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return testcsr.Block("CERTIFICATE REQUEST", nil, mustDER(t, struct {
		Info      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{
		asn1.RawValue{FullBytes: info}, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}},
		asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	}))
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

// extensions returns the value of an attribute with these subject alternative names.
func extensions(t *testing.T, names ...asn1.RawValue) asn1.RawValue {
	t.Helper()
	extension := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: mustDER(t, names)}
	return asn1.RawValue{FullBytes: mustDER(t, []pkix.Extension{extension})}
}

// Names that crypto/x509 does not show also violate the policy.
func TestCheck_HiddenSANs(t *testing.T) {
	key := testcsr.NewKey(t)
	request := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 14}
	microsoft := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 14}
	dns := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(testcsr.NodeName)}
	ip := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 7, Bytes: net.IPv4(10, 0, 0, 1).To4()}
	registered := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 8, Bytes: []byte{0x2a, 3}}
	names, none := extensions(t, dns, ip), asn1.RawValue{FullBytes: mustDER(t, []pkix.Extension{})}
	other := extensions(t, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte("a-longer-name-since-a-set-is-in-the-order-of-its-bytes")})
	client, known := approval.Facts{}, approval.Facts{Signer: csr.KubeletServing, NodeExists: true, NodeAddresses: []string{testcsr.NodeName, "10.0.0.1"}}
	tests := []struct {
		name       string
		attributes []attribute
		serving    bool
		want       string
	}{
		{"no names", nil, false, ""},
		{"shown names", []attribute{{request, []asn1.RawValue{names}}}, false, "no extensions"},
		{"after an empty value", []attribute{{request, []asn1.RawValue{none, other}}}, false, "well-formed"},
		{"in another attribute", []attribute{{microsoft, []asn1.RawValue{other}}}, false, "well-formed"},
		{"serving", []attribute{{request, []asn1.RawValue{names}}}, true, ""},
		{"serving, after the allowed names", []attribute{{request, []asn1.RawValue{names, other}}}, true, "well-formed"},
		{"serving, in another attribute", []attribute{{request, []asn1.RawValue{names}}, {microsoft, []asn1.RawValue{other}}}, true, "well-formed"},
		{"serving, another kind", []attribute{{request, []asn1.RawValue{extensions(t, dns, registered)}}}, true, "well-formed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ask := func(o *testcsr.Object) { o.Spec.Request = withAttributes(t, key, test.attributes...) }
			object, facts := testcsr.Stored(t, key, ask), client
			if test.serving {
				object, facts = testcsr.Serving(t, key, ask), known
			}
			if got := refusedBy(object, facts); got != test.want {
				t.Errorf("refused by %q, want %q", got, test.want)
			}
		})
	}
}
