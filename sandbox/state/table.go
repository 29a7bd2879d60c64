package state

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// TableOptions say how a table looks. The zero value is what docker ps does
// without options.
type TableOptions struct {
	NoTrunc bool      // whole ids and commands
	Quiet   bool      // only ids, one in a line
	Size    bool      // also how much the sandboxes have written, and have in all
	Now     time.Time // what times are relative to; zero: now
}

// commandWidth is how many characters of a command are shown.
const commandWidth = 20

// FormatTable writes sandboxes as docker ps does.
func FormatTable(w io.Writer, list []Summary, o TableOptions) error {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	var err error
	if o.Quiet {
		err = writeIDs(w, list, o)
	} else {
		err = writeTable(w, list, o)
	}
	if err != nil {
		return fmt.Errorf("write table of sandboxes: %w", err)
	}
	return nil
}

func writeIDs(w io.Writer, list []Summary, o TableOptions) error {
	b := bufio.NewWriter(w)
	for i := range list {
		if _, err := b.WriteString(o.id(&list[i]) + "\n"); err != nil {
			return err
		}
	}
	return b.Flush()
}

func writeTable(w io.Writer, list []Summary, o TableOptions) error {
	const narrowest, tab, gap = 10, 1, 3
	t := tabwriter.NewWriter(w, narrowest, tab, gap, ' ', 0)
	head := []string{"CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"}
	if o.Size {
		head = append(head, "SIZE")
	}
	if _, err := fmt.Fprintln(t, strings.Join(head, "\t")); err != nil {
		return err
	}
	for i := range list {
		if _, err := fmt.Fprintln(t, strings.Join(o.row(&list[i]), "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}

func (o TableOptions) id(s *Summary) string {
	if o.NoTrunc {
		return s.Record.ID
	}
	return ShortID(s.Record.ID)
}

func (o TableOptions) row(s *Summary) []string {
	command := s.Record.commandText()
	if !o.NoTrunc {
		command = shorten(command, commandWidth)
	}
	row := []string{
		o.id(s), plain(s.Record.Image), strconv.Quote(command), since(s.Record.Created, o.Now) + " ago",
		s.StatusText(o.Now), plain(portsText(s.ports())), s.Record.Name,
	}
	if o.Size {
		size := sizeText(s.SizeRW)
		if s.SizeRoot > 0 {
			size += " (virtual " + sizeText(s.SizeRoot) + ")"
		}
		row = append(row, size)
	}
	return row
}

// plain keeps what a creator wrote from breaking the table, or the terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
