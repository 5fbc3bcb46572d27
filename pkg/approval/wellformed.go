package approval

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/bootctl/bootctl/pkg/csr"
)

// Object identifiers: RFC 2985, sections 5.4.1 and 5.4.2, and RFC 5280, sections 4.1.2.4
// and 4.2.1.
var (
	challengePassword = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 7}
	extensionRequest  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 14}
	emailAddress      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	domainComponent   = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}
	subjectKeyID      = asn1.ObjectIdentifier{2, 5, 29, 14}
	keyUsage          = asn1.ObjectIdentifier{2, 5, 29, 15}
	alternativeNames  = asn1.ObjectIdentifier{2, 5, 29, 17}
	basicConstraints  = asn1.ObjectIdentifier{2, 5, 29, 19}
	extKeyUsage       = asn1.ObjectIdentifier{2, 5, 29, 37}
)

// checkWellFormed returns an error unless the rules read every byte of the PKCS#10 request
// that a signer could copy into a certificate. crypto/x509 ignores elements, attributes,
// and values that it does not know, and other programs do not.
//
// Source: RFC 2986, section 4; X.690 for the encoding.
func checkWellFormed(r csr.Request) error {
	request, err := elements(r.PKCS10.Raw, asn1.TagSequence, "the request")
	if err != nil {
		return err
	}
	if len(request) != 3 {
		return fmt.Errorf("the request has %d elements, not 3", len(request))
	}
	info, err := elements(request[0].FullBytes, asn1.TagSequence, "the certification request info")
	if err != nil {
		return err
	}
	if len(info) != 4 {
		return fmt.Errorf("the certification request info has %d elements, not 4", len(info))
	}
	key, err := x509.MarshalPKIXPublicKey(r.PKCS10.PublicKey)
	switch {
	case !bytes.Equal(info[0].FullBytes, []byte{asn1.TagInteger, 1, 0}):
		return errors.New("the version is not 0")
	case err != nil || !bytes.Equal(info[2].FullBytes, key):
		return errors.New("the public key has an unusual encoding")
	case info[3].Class != asn1.ClassContextSpecific || info[3].Tag != 0 || !info[3].IsCompound:
		return errors.New("the fourth element is not the attributes")
	}
	if err := checkName(info[1].FullBytes, isForNodes(r)); err != nil {
		return err
	}
	if err := checkAttributes(info[3].Bytes, !isForNodes(r)); err != nil {
		return err
	}
	return checkSignature(request[1], request[2])
}

// isForNodes reports whether the signer issues only certificates for nodes.
func isForNodes(r csr.Request) bool {
	return r.SignerName == csr.KubeletClient || r.SignerName == csr.KubeletServing
}

// elements returns the elements of a sequence or set that has all bytes of der.
func elements(der []byte, tag int, what string) ([]asn1.RawValue, error) {
	outer, rest, err := element(der)
	if err != nil || len(rest) > 0 || outer.Class != asn1.ClassUniversal || outer.Tag != tag || !outer.IsCompound {
		return nil, fmt.Errorf("%s is not encoded as in RFC 2986", what)
	}
	return split(outer.Bytes, what)
}

// split returns the elements that follow each other in der.
func split(der []byte, what string) (list []asn1.RawValue, err error) {
	for len(der) > 0 {
		var next asn1.RawValue
		if next, der, err = element(der); err != nil {
			return nil, fmt.Errorf("%s is not DER: %w", what, err)
		}
		list = append(list, next)
	}
	return list, nil
}

// element reads one element, whose length must have the shortest encoding.
func element(der []byte) (value asn1.RawValue, rest []byte, err error) {
	rest, err = asn1.Unmarshal(der, &value)
	return value, rest, err
}

// checkName checks a subject: each value is text that readers agree on and, in a node's
// subject, is a common name or an organization.
func checkName(der []byte, forNode bool) error {
	sets, err := elements(der, asn1.TagSequence, "the subject")
	if err != nil {
		return err
	}
	for _, set := range sets {
		attributes, err := elements(set.FullBytes, asn1.TagSet, "a part of the subject")
		if err != nil {
			return err
		}
		for _, attribute := range attributes {
			kind, values, err := typed(attribute, "an attribute of the subject")
			if err != nil || len(values) != 1 {
				return errors.Join(err, errors.New("an attribute of the subject does not have one value"))
			}
			isKnown := kind.Equal(asn1.ObjectIdentifier{2, 5, 4, commonName}) || kind.Equal(asn1.ObjectIdentifier{2, 5, 4, organization})
			if forNode && !isKnown {
				return fmt.Errorf("the subject has the attribute %s, which is neither CN nor O", kind)
			}
			if !isText(values[0], kind) {
				return fmt.Errorf("the attribute %s of the subject is neither a valid PrintableString nor a valid UTF8String", kind)
			}
		}
	}
	return nil
}

// typed returns the parts of a sequence that begins with an object identifier.
func typed(value asn1.RawValue, what string) (asn1.ObjectIdentifier, []asn1.RawValue, error) {
	parts, err := elements(value.FullBytes, asn1.TagSequence, what)
	if err != nil {
		return nil, nil, err
	}
	var kind asn1.ObjectIdentifier
	if len(parts) == 0 {
		return nil, nil, fmt.Errorf("%s is empty", what)
	}
	if _, err := asn1.Unmarshal(parts[0].FullBytes, &kind); err != nil {
		return nil, nil, fmt.Errorf("%s has no type", what)
	}
	return kind, parts[1:], nil
}

// printable are the characters of a PrintableString: X.680, section 41.4.
const printable = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"

// isText reports whether all programs read the value as the same text.
func isText(value asn1.RawValue, kind asn1.ObjectIdentifier) bool {
	if value.Class != asn1.ClassUniversal || value.IsCompound {
		return false
	}
	switch value.Tag {
	case asn1.TagPrintableString:
		return len(bytes.Trim(value.Bytes, printable)) == 0
	case asn1.TagUTF8String:
		return utf8.Valid(value.Bytes)
	case asn1.TagIA5String: // the only type for these: RFC 5280, section 4.1.2.6
		return (kind.Equal(emailAddress) || kind.Equal(domainComponent)) && isASCII(value.Bytes)
	}
	return false
}

func isASCII(text []byte) bool {
	return !slices.ContainsFunc(text, func(c byte) bool { return c < ' ' || c > '~' })
}

// checkAttributes checks the attributes: at most one request for extensions, with one
// value, and for users a challenge password, which Kubernetes ignores.
func checkAttributes(der []byte, allowPassword bool) error {
	list, err := split(der, "the attributes")
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, item := range list {
		kind, parts, err := typed(item, "an attribute")
		if err != nil {
			return err
		}
		if len(parts) != 1 {
			return fmt.Errorf("the attribute %s does not have one set of values", kind)
		}
		values, err := elements(parts[0].FullBytes, asn1.TagSet, "an attribute's values")
		switch {
		case err != nil:
			return err
		case seen[kind.String()]:
			return fmt.Errorf("the attribute %s occurs twice", kind)
		case len(values) != 1:
			return fmt.Errorf("the attribute %s has %d values, not one", kind, len(values))
		case kind.Equal(extensionRequest):
			err = checkExtensions(values[0].FullBytes)
		case kind.Equal(challengePassword) && allowPassword:
			if values[0].Class != asn1.ClassUniversal || values[0].IsCompound {
				err = errors.New("the attribute challengePassword is not text")
			}
		case kind.Equal(challengePassword):
			err = errors.New("the attribute challengePassword is not for nodes")
		default:
			err = fmt.Errorf("the attribute %s is unknown", kind)
		}
		if err != nil {
			return err
		}
		seen[kind.String()] = true
	}
	return nil
}

// checkExtensions checks that each requested extension is known, occurs once, and is equal
// to its value encoded again.
func checkExtensions(der []byte) error {
	list, err := elements(der, asn1.TagSequence, "the extensions")
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, item := range list {
		kind, parts, err := typed(item, "an extension")
		if err != nil {
			return err
		}
		if len(parts) == 2 && bytes.Equal(parts[0].FullBytes, []byte{asn1.TagBoolean, 1, 0xff}) { // critical
			parts = parts[1:]
		}
		var value []byte
		if len(parts) != 1 {
			return fmt.Errorf("the extension %s is not encoded as in RFC 5280", kind)
		}
		if rest, err := asn1.Unmarshal(parts[0].FullBytes, &value); err != nil || len(rest) > 0 {
			return fmt.Errorf("the extension %s has no value", kind)
		}
		if seen[kind.String()] {
			return fmt.Errorf("the extension %s occurs twice", kind)
		}
		seen[kind.String()] = true
		if err := checkExtension(kind, value); err != nil {
			return err
		}
	}
	return nil
}

// checkExtension checks the value of one extension: RFC 5280, section 4.2.1.
func checkExtension(kind asn1.ObjectIdentifier, value []byte) error {
	var known bool
	switch {
	case kind.Equal(alternativeNames):
		known = areNames(value)
	case kind.Equal(keyUsage):
		known = sameEncoded(value, new(asn1.BitString))
	case kind.Equal(extKeyUsage):
		known = sameEncoded(value, new([]asn1.ObjectIdentifier))
	case kind.Equal(subjectKeyID):
		known = sameEncoded(value, new([]byte))
	case kind.Equal(basicConstraints):
		known = sameEncoded(value, new(struct {
			IsCA       bool `asn1:"optional"`
			MaxPathLen int  `asn1:"optional,default:-1"`
		}))
	default:
		return fmt.Errorf("the extension %s is unknown", kind)
	}
	if !known {
		return fmt.Errorf("the extension %s is not encoded as in RFC 5280", kind)
	}
	return nil
}

// sameEncoded reports whether the value decodes into target, and encodes to the same bytes.
func sameEncoded[T any](der []byte, target *T) bool {
	if _, err := asn1.Unmarshal(der, target); err != nil {
		return false
	}
	again, err := asn1.Marshal(*target)
	return err == nil && bytes.Equal(der, again)
}

// areNames reports whether the value is a list of DNS names, IP addresses, email addresses,
// and URIs: RFC 5280, section 4.2.1.6.
func areNames(der []byte) bool {
	names, err := elements(der, asn1.TagSequence, "the alternative names")
	return err == nil && len(names) > 0 && !slices.ContainsFunc(names, func(name asn1.RawValue) bool {
		isKind := name.Class == asn1.ClassContextSpecific && !name.IsCompound
		switch name.Tag {
		case sanEmail, sanDNS, sanURI:
			return !isKind || len(name.Bytes) == 0 || !isASCII(name.Bytes)
		case sanIP:
			return !isKind || len(name.Bytes) != 4 && len(name.Bytes) != 16
		}
		return true
	})
}

// checkSignature checks the two elements after the information that is signed: an algorithm
// with at most one parameter, and a bit string of whole bytes.
func checkSignature(algorithm, signature asn1.RawValue) error {
	_, parameters, err := typed(algorithm, "the signature algorithm")
	if err != nil {
		return err
	}
	var bits asn1.BitString
	rest, err := asn1.Unmarshal(signature.FullBytes, &bits)
	if len(parameters) > 1 || err != nil || len(rest) > 0 || bits.BitLength%8 != 0 {
		return errors.New("the signature is not encoded as in RFC 2986")
	}
	return nil
}
