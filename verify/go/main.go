// Checks tlog-proof files with the packages that check Go's own module log, none of them ours.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o check-proofs ./verify/go
//	check-proofs VKEY PROOF ENTRY [PROOF ENTRY]...
//
// VKEY is the log's verifier key or a file with it. A line for each proof: `ok INDEX SIZE`, or `no`
// and why. Exit status: 0 all hold, 1 one does not, 2 wrong call.
package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const header = "c2sp.org/tlog-proof@v1\n"

func main() {
	if len(os.Args) < 4 || len(os.Args)%2 != 0 {
		fmt.Fprintln(os.Stderr, "usage: check-proofs VKEY PROOF ENTRY [PROOF ENTRY]...")
		os.Exit(2)
	}
	vkey := os.Args[1]
	data, unread := os.ReadFile(vkey)
	if unread == nil {
		vkey = strings.TrimSpace(string(data))
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		if unread != nil {
			err = fmt.Errorf("'%s' is neither a file that can be read nor a key: %w", vkey, err)
		}
		fmt.Fprintln(os.Stderr, "wrong call:", err)
		os.Exit(2)
	}
	status := 0
	for at := 2; at < len(os.Args); at += 2 {
		index, size, err := check(verifier, os.Args[at], os.Args[at+1])
		if err != nil {
			fmt.Println("no", err)
			status = 1
			continue
		}
		fmt.Println("ok", index, size)
	}
	os.Exit(status)
}

func check(verifier note.Verifier, proofFile, entryFile string) (index, size int64, err error) {
	proof, err := os.ReadFile(proofFile)
	if err != nil {
		return 0, 0, err
	}
	entry, err := os.ReadFile(entryFile)
	if err != nil {
		return 0, 0, err
	}
	block, signed, found := bytes.Cut(proof, []byte("\n\n"))
	isProof := strings.HasPrefix(string(block)+"\n", header)
	text := strings.TrimPrefix(string(block)+"\n", header)
	if !found || !isProof {
		return 0, 0, errors.New("not a tlog-proof")
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:] // nobody vouches for it
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return 0, 0, errors.New("no index")
	}
	if index, err = number(strings.TrimPrefix(lines[0], "index ")); err != nil {
		return 0, 0, err
	}
	hashes := tlog.RecordProof{}
	for _, line := range lines[1:] {
		hash, err := hash(line)
		if err != nil {
			return 0, 0, err
		}
		hashes = append(hashes, hash)
	}
	size, root, err := head(verifier, signed)
	if err != nil {
		return 0, 0, err
	}
	return index, size, tlog.CheckRecord(hashes, size, root, index, tlog.RecordHash(entry))
}

// head is what a checkpoint says, if the log's own key signed it.
func head(verifier note.Verifier, signed []byte) (size int64, root tlog.Hash, err error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return 0, root, err
	}
	for _, each := range append(opened.Sigs, opened.UnverifiedSigs...) {
		data, err := base64.StdEncoding.DecodeString(each.Base64) // note.Open lets other last bits pass
		if err != nil || base64.StdEncoding.EncodeToString(data) != each.Base64 {
			return 0, root, errors.New("base64 of a signature as nobody writes it")
		}
	}
	lines := strings.Split(strings.TrimSuffix(opened.Text, "\n"), "\n")
	if len(lines) < 3 || lines[0] != verifier.Name() {
		return 0, root, errors.New("not a checkpoint of this log")
	}
	if size, err = number(lines[1]); err != nil {
		return 0, root, err
	}
	root, err = hash(lines[2])
	return size, root, err
}

func number(text string) (int64, error) {
	value, err := strconv.ParseInt(text, 10, 64)
	if err == nil && (value < 0 || strconv.FormatInt(value, 10) != text) {
		err = fmt.Errorf("%q is not a number as it is written here", text)
	}
	return value, err
}

func hash(text string) (hash tlog.Hash, err error) {
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err == nil && (len(data) != len(hash) || base64.StdEncoding.EncodeToString(data) != text) {
		err = errors.New("not a hash")
	}
	copy(hash[:], data)
	return hash, err
}
