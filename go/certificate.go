// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// certificateLife is how long a certificate that GenerateCertificate makes is good for.
const certificateLife = 30 * 24 * time.Hour

// Certificate is a private key and its certificate, by which the other side recognises this one.
type Certificate struct {
	key  crypto.PrivateKey
	x509 *x509.Certificate
}

// DTLSFingerprint is a certificate's (RFC 8122).
type DTLSFingerprint struct {
	Algorithm string `json:"algorithm"` // "sha-256"
	Value     string `json:"value"`     // "AB:CD:…"
}

// GenerateCertificate makes a certificate for a key: ECDSA with P-256, or RSA with 2,048 to 4,096 bits. nil: a new one of the first kind.
func GenerateCertificate(secretKey crypto.PrivateKey) (*Certificate, error) {
	if secretKey == nil {
		made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		secretKey = made
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return NewCertificate(secretKey, x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{CommonName: "WebRTC"},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	})
}

// NewCertificate makes a certificate for a key after a template.
func NewCertificate(key crypto.PrivateKey, tpl x509.Certificate) (*Certificate, error) {
	signer, ok := key.(crypto.Signer)
	if !ok || !usableKey(key) {
		return nil, ErrPrivateKeyType
	}
	der, err := x509.CreateCertificate(rand.Reader, &tpl, &tpl, signer.Public(), key)
	if err != nil {
		return nil, err
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Certificate{key, made}, nil
}

func usableKey(key crypto.PrivateKey) bool {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		return key.Curve == elliptic.P256()
	case *rsa.PrivateKey:
		return key.N.BitLen() >= 2048 && key.N.BitLen() <= 4096
	}
	return false
}

// CertificateFromX509 puts a key and its certificate together.
func CertificateFromX509(privateKey crypto.PrivateKey, certificate *x509.Certificate) Certificate {
	return Certificate{privateKey, certificate}
}

// CertificateFromPEM reads what PEM wrote, or two files one after the other.
func CertificateFromPEM(pems string) (*Certificate, error) {
	var made Certificate
	for rest := []byte(pems); ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		var err error
		switch {
		case block.Type == "CERTIFICATE" && made.x509 == nil:
			made.x509, err = parseX509(block.Bytes)
		case strings.HasSuffix(block.Type, "PRIVATE KEY") && made.key == nil:
			made.key, err = parseKey(block)
		}
		if err != nil {
			return nil, &Error{code: -8, message: err.Error()}
		}
	}
	if made.x509 == nil || made.key == nil {
		return nil, errUnreadableCertificate
	}
	if !usableKey(made.key) {
		return nil, ErrPrivateKeyType
	}
	return &made, nil
}

// parseX509 takes the form in which pion has it, too: base64 within the base64.
func parseX509(der []byte) (*x509.Certificate, error) {
	parsed, err := x509.ParseCertificate(der)
	if err == nil {
		return parsed, nil
	}
	if inner, inside := base64.StdEncoding.DecodeString(string(der)); inside == nil {
		return x509.ParseCertificate(inner)
	}
	return nil, err
}

func parseKey(block *pem.Block) (crypto.PrivateKey, error) {
	switch block.Type {
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	return x509.ParsePKCS8PrivateKey(block.Bytes)
}

// PEM has certificate and private key. Keep it as secret as the key.
func (c Certificate) PEM() (string, error) {
	if c.x509 == nil || !usableKey(c.key) {
		return "", ErrPrivateKeyType
	}
	key, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.x509.Raw})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), nil
}

// Expires is when it becomes invalid.
func (c Certificate) Expires() time.Time {
	if c.x509 == nil {
		return time.Time{}
	}
	return c.x509.NotAfter
}

// Equals says whether key and certificate are the same.
func (c Certificate) Equals(cert Certificate) bool {
	if c.x509 == nil || cert.x509 == nil {
		return c.x509 == cert.x509
	}
	key, ok := c.key.(interface{ Equal(crypto.PrivateKey) bool })
	return ok && key.Equal(cert.key) && c.x509.Equal(cert.x509)
}

// GetFingerprints is the one with SHA-256, which stands in descriptions.
func (c Certificate) GetFingerprints() ([]DTLSFingerprint, error) {
	if c.x509 == nil {
		return nil, errUnreadableCertificate
	}
	return []DTLSFingerprint{{Algorithm: "sha-256", Value: colons(sha256.Sum256(c.x509.Raw))}}, nil
}

func colons(sum [sha256.Size]byte) string {
	parts := make([]string, len(sum))
	for i, one := range sum {
		parts[i] = fmt.Sprintf("%02X", one)
	}
	return strings.Join(parts, ":")
}
