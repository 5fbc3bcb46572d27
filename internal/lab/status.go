package lab

// A Status is what can be seen of a lab from outside.
type Status struct {
	Exists  bool   // whether it was ever started here
	Running bool   // whether a server has the directory, ready or not
	Pid     int    // of that server; 0 or less when it is not visible from here
	Ready   *Ready // what the running server said; nil until it is ready
}

// Status looks at the lab's lock and files. It asks no server.
func (l Lab) Status() (Status, error) {
	pid, held, err := l.holder()
	if err != nil {
		return Status{}, err
	}
	s := Status{Exists: l.recorded(), Running: held}
	if !held {
		return s, nil
	}
	s.Pid = pid
	s.Ready, err = l.readReady(pid)
	return s, err
}
