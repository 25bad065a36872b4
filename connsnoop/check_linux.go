package connsnoop

// Check tries each backend on this machine: its programs are loaded, attached
// and taken off again. Of the options only BTF counts.
func Check(options Options) CheckReport {
	return check("/", options.BTF != "", func(backend Backend) error {
		tracer, err := New(Options{Backend: backend, BTF: options.BTF})
		if err != nil {
			return err
		}
		return tracer.Close()
	})
}
