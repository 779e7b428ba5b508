// Renders a Helm chart with Go's own templates and those of Helm's functions that the chart uses.
// Helm itself is no package of Debian or PyPI; `helm template` does the same and more.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

func whole(value any) int64 {
	switch number := value.(type) {
	case int:
		return int64(number)
	case int64:
		return number
	case float64:
		return int64(number)
	}
	panic(fmt.Sprintf("%v is no whole number", value))
}

func main() {
	var values map[string]any
	if err := json.NewDecoder(os.Stdin).Decode(&values); err != nil {
		panic(err)
	}
	chart := template.New("chart").Option("missingkey=error")
	chart.Funcs(template.FuncMap{
		"quote": func(value any) string { return fmt.Sprintf("%q", fmt.Sprint(value)) },
		"default": func(otherwise, value any) any {
			if truth, _ := template.IsTrue(value); truth {
				return value
			}
			return otherwise
		},
		"required": func(message string, value any) (any, error) {
			if truth, _ := template.IsTrue(value); truth {
				return value, nil
			}
			return nil, errors.New(message)
		},
		"include": func(name string, data any) (string, error) {
			var made strings.Builder
			err := chart.ExecuteTemplate(&made, name, data)
			return made.String(), err
		},
		"nindent": func(spaces int, text string) string {
			indent := "\n" + strings.Repeat(" ", spaces)
			return indent + strings.ReplaceAll(text, "\n", indent)
		},
		"add": func(a, b any) int64 { return whole(a) + whole(b) },
		"sub": func(a, b any) int64 { return whole(a) - whole(b) },
		"mul": func(a, b any) int64 { return whole(a) * whole(b) },
		"div": func(a, b any) int64 { return whole(a) / whole(b) },
		"max": func(a, b any) int64 { return max(whole(a), whole(b)) },
	})
	files, _ := filepath.Glob(filepath.Join(os.Args[1], "templates", "*"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		template.Must(chart.New(filepath.Base(file)).Parse(string(text)))
	}
	data := map[string]any{"Values": values, "Release": map[string]any{"Name": "speech"}}
	for _, file := range files {
		if strings.HasSuffix(file, ".yaml") {
			io.WriteString(os.Stdout, "\n---\n")
			if err := chart.ExecuteTemplate(os.Stdout, filepath.Base(file), data); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
}
