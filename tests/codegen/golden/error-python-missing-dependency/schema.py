import nosuchlib.thing
