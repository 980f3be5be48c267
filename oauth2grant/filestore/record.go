package filestore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

const format = 1

// record is the content of the file.
type record struct {
	Format  int             `json:"oauth2grant_file"`
	Version uint64          `json:"version"`
	News    uint64          `json:"news,omitempty"` // version of the last change that others are told of
	Mark    string          `json:"mark,omitempty"` // of the token, also where that is sealed
	Token   json.RawMessage `json:"token"`          // the token's JSON, or an envelope of package seal around it
}

func (r record) encode() ([]byte, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, wrap(err)
	}
	if len(data) >= maxSize {
		return nil, ErrTooLarge
	}
	return append(data, '\n'), nil
}

// parseRecord reads the file, with or without a byte order mark. A bare token
// is version 0.
func parseRecord(data []byte) (record, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	var r record
	if err := json.Unmarshal(data, &r); err != nil && !json.Valid(data) {
		return record{}, ErrCorrupt // the cause may quote a secret
	} else if r.Format == 0 {
		return record{Token: data}, nil
	} else if err != nil || len(r.Token) == 0 {
		return record{}, ErrCorrupt
	}
	if r.Format != format {
		return record{}, errors.Join(ErrCorrupt,
			fmt.Errorf("format %d is of a later version of this package", r.Format))
	}
	return r, nil
}
