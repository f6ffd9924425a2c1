OctoBus.main()
