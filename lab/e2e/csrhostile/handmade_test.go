package csrhostile

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"testing"

	"github.com/bootctl/bootctl/lab/labtest"
)

func newRSAKey(bits int) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, bits) }
}

func newECKey(curve elliptic.Curve) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return ecdsa.GenerateKey(curve, rand.Reader) }
}

func newEd25519Key() (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

// newRSAKeyWithExponent3 returns a key of 2048 bits with the public exponent 3.
func newRSAKeyWithExponent3() (crypto.Signer, error) {
	one, three := big.NewInt(1), big.NewInt(3)
	for range 200 {
		p, err := rand.Prime(rand.Reader, 1024)
		if err != nil {
			return nil, err
		}
		q, err := rand.Prime(rand.Reader, 1024)
		if err != nil {
			return nil, err
		}
		n := new(big.Int).Mul(p, q)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(three, phi)
		if d == nil || n.BitLen() != 2048 {
			continue
		}
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: 3}, D: d, Primes: []*big.Int{p, q}}
		key.Precompute()
		return key, key.Validate()
	}
	return nil, errors.New("no suitable primes")
}

// requestInfo and signedRequest are defined in RFC 2986, section 4.
type requestInfo struct {
	Version    int
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	Attributes []requestAttribute `asn1:"tag:0,set"`
}

type requestAttribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

type signedRequest struct {
	Info      asn1.RawValue
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

// withAttributes adds attributes that Go's library would not write.
func withAttributes(list ...requestAttribute) labtest.CSRChange {
	return func(t *testing.T, a *labtest.CSR) {
		t.Helper()
		key, ok := a.Key.(*ecdsa.PrivateKey)
		if !ok {
			t.Fatalf("the key is a %T", a.Key)
		}
		public, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		a.DER = assembleCSR(t, a, public, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, func(info []byte) ([]byte, error) {
			sum := sha256.Sum256(info)
			return ecdsa.SignASN1(rand.Reader, key, sum[:])
		}, list...)
	}
}

// withNeutralKey sets the Ed25519 public key to the neutral point, for which anyone can
// sign anything.
func withNeutralKey(t *testing.T, a *labtest.CSR) {
	t.Helper()
	public := make(ed25519.PublicKey, ed25519.PublicKeySize)
	public[0] = 1
	signature := make([]byte, ed25519.SignatureSize)
	signature[0] = 1
	text, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	a.DER = assembleCSR(t, a, text, asn1.ObjectIdentifier{1, 3, 101, 112}, func([]byte) ([]byte, error) { return signature, nil })
}

func assembleCSR(t *testing.T, a *labtest.CSR, public []byte, algorithm asn1.ObjectIdentifier, sign func([]byte) ([]byte, error), list ...requestAttribute) []byte {
	t.Helper()
	info := marshalASN1(t, requestInfo{
		Subject:    asn1.RawValue{FullBytes: marshalASN1(t, a.Template.Subject.ToRDNSequence())},
		PublicKey:  asn1.RawValue{FullBytes: public},
		Attributes: list,
	})
	signature, err := sign(info)
	if err != nil {
		t.Fatal(err)
	}
	return marshalASN1(t, signedRequest{
		Info:      asn1.RawValue{FullBytes: info},
		Algorithm: pkix.AlgorithmIdentifier{Algorithm: algorithm},
		Signature: asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	})
}

// marshalSANs returns the value of a subject alternative name extension, with the kind
// of each name in its tag: RFC 5280, section 4.2.1.6.
func marshalSANs(t *testing.T, list ...asn1.RawValue) []byte {
	t.Helper()
	for i := range list {
		list[i].Class = asn1.ClassContextSpecific
	}
	return marshalASN1(t, list)
}

// withSANs adds alternative names of any kind.
func withSANs(list ...asn1.RawValue) labtest.CSRChange {
	return func(t *testing.T, a *labtest.CSR) {
		t.Helper()
		for i := range list {
			list[i].Bytes = []byte(a.Expand(string(list[i].Bytes)))
		}
		withExtension(false, marshalSANs(t, list...), 2, 5, 29, 17)(t, a)
	}
}

// withHiddenSAN hides a DNS name from some readers: in an attribute of the type, as a
// value after the values with the given hosts, which must be shorter, because a set is
// sorted by its encoding. An empty host means a value without extensions.
func withHiddenSAN(oid asn1.ObjectIdentifier, hosts ...string) labtest.CSRChange {
	return func(t *testing.T, a *labtest.CSR) {
		t.Helper()
		var values []asn1.RawValue
		for _, host := range append(slices.Clone(hosts), "kubernetes.default.svc.cluster.local") {
			extensions := []pkix.Extension{}
			if host != "" {
				san := marshalSANs(t, asn1.RawValue{Tag: 2, Bytes: []byte(a.Expand(host))})
				extensions = append(extensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: san})
			}
			values = append(values, asn1.RawValue{FullBytes: marshalASN1(t, extensions)})
		}
		withAttributes(requestAttribute{oid, values})(t, a)
	}
}

// multiValueRDN returns one part of a subject.
func multiValueRDN(list ...pkix.AttributeTypeAndValue) pkix.RelativeDistinguishedNameSET { return list }

// teletexString returns a string in an encoding that readers interpret differently.
func teletexString(text string) asn1.RawValue {
	return asn1.RawValue{Tag: asn1.TagT61String, Bytes: []byte(text)}
}
