"""Every diagnostic code, with a paragraph that explains it.

A code is part of the public interface: people search for it. So codes are added, never renamed.
"""

from typing import Final

CODES: Final[dict[str, str]] = {
    "ambiguous-type": (
        "Values are stored as JSON. When two members of a union have the same JSON form, such as `str | date`, a value"
        " that was stored as one could be read back as the other. Keep one of them, or use two keys. Models are told"
        ' apart by a discriminator: a field with a Literal value of its own in each, such as `kind: Literal["cat"]`.'
    ),
    "bad-baseline": (
        "What the schemas are compared with by `breaking` cannot be read: the git ref, file or folder is not there, the"
        " snapshot is damaged or of a newer version, or the schemas as they were do not compile with this version of"
        " mcp-sessiongen. Python schemas are imported from where they were, with the packages that are installed now."
    ),
    "bad-config": (
        "The settings in pyproject.toml are not understood. `[tool.mcp-sessiongen]` has `sources`, a list of files,"
        " folders and modules, and `output`, a folder, or `package`, the package's import name; or several"
        " `[[tool.mcp-sessiongen.targets]]` with the same keys; `lint.ignore`; and"
        " `breaking.against`, `breaking.select` and `breaking.ignore`. Paths are relative to the file."
    ),
    "bad-constraint": (
        "A constraint does not exist for this type, has a value of the wrong type, or contradicts another one."
        " Constraints are those of Pydantic's `Field`: gt, ge, lt, le and multiple_of for numbers; min_length and"
        " max_length for text and collections; pattern for text; max_digits and decimal_places for Decimal;"
        " gt, ge, lt and le for dates and times too; allow_inf_nan for float and Decimal; strict for all but Literals,"
        " unions and imported types; coerce_numbers_to_str for text; fail_fast for collections; discriminator for a"
        " union of models."
    ),
    "bad-default": (
        'The default is not a value of the key\'s type, or violates its constraints. It is checked strictly: "1" is'
        " not an int and 1 is not a bool. Types without a JSON form, such as date or Decimal, take their default as"
        " text in a YAML schema."
    ),
    "bad-enum": (
        "An enum is a fixed set of values, all texts or all whole numbers, each once. A value's name in Python is the"
        " value in capitals: `checkout` is `CHECKOUT`. A value that gives no name, a number for example, is given one:"
        " `{value: 2, name: SECOND}`."
    ),
    "bad-history": (
        "A file in the folder `history` beside a schema has an older version of one session, and is called"
        " NAME.vNUMBER.yaml after it. `mcp-sessiongen migration new` writes such files; they may be edited, but each"
        " has to declare that session in that version, and no other session."
    ),
    "bad-name": (
        "Names become parts of Python names, tool names and stored keys. Keys, sessions and tools are written in"
        " snake_case and types in CapWords; keywords, names of builtin types, and names that Pydantic models already"
        " use are refused rather than changed silently."
    ),
    "bad-type": (
        "A type expression cannot be understood, or is a type whose values cannot be stored as JSON and read back."
        ' Types are written as in Python: `list[str]`, `dict[str, int]`, `Literal["a", "b"]`, `int | None`.'
    ),
    "bad-value": (
        "A property has a value of the wrong kind, or one that is not allowed. Durations always carry a unit, such as"
        " `30m` or `7d`; versions are whole numbers from 1."
    ),
    "duplicate-key": "A YAML mapping has the same key twice. Other tools silently keep the last; here it is an error.",
    "duplicate-output": (
        "Two sources would be written to the same file: a generated module is named after the source's stem. Rename"
        " one of them, or give them different output folders."
    ),
    "edited-by-hand": (
        "A generated file is not as it was written, and writing it anew would lose somebody's change. Change the schema"
        " instead, or subclass the generated class. Nothing was written; `generate --force` overwrites the file."
    ),
    "edited-file": (
        "A generated module is neither what was written nor what its schema gives now: it was changed by hand. Such a"
        " change is lost with the next `generate --force`; change the schema instead, or subclass the generated class."
    ),
    "empty-schema": "The source declares no session, so there is nothing to compile.",
    "endless-type": (
        "A type needs another value of itself, directly or through other types, so no value could ever be complete."
        " Types may refer to each other, as long as there is an end: a field that may be None, has a default, or is a"
        " list or dict."
    ),
    "file-exists": "`init` begins a project and never overwrites anything: one of its files is there already.",
    "file-not-found": (
        "A source does not exist or cannot be read. Paths are relative to the current folder, and are shown as given."
    ),
    "import-failed": (
        "A Python schema is imported to be read, and the import failed: a module is missing, the code has an error,"
        " or it raised an exception. Keep schemas in a module that does nothing else when imported."
    ),
    "left-over-file": (
        "The schema that a generated module was made from is gone, or the settings do not name it any more. `generate`"
        " removes such a module, unless it was changed by hand."
    ),
    "missing-file": "A schema has no generated module yet. `generate` writes it, and it should be committed.",
    "missing-property": "A property that the schema language requires, such as the type of a key, is not there.",
    "name-clash": (
        "Two things would get the same name in the generated module, or names that differ only by case. Nothing is"
        " ever renamed silently, so one of them has to change in the schema."
    ),
    "no-baseline": (
        "`breaking` compares the schemas with what was released, and nothing says what that was. Name it with"
        " `--against`, set `[tool.mcp-sessiongen.breaking] against`, or write a snapshot with"
        " `mcp-sessiongen breaking --write` and commit it."
    ),
    "no-history": (
        "A function that migrates stored data takes the state of the version before, and the generated module has a"
        " typed model of that. So the schema of that version is needed, as a file history/NAME.vNUMBER.yaml beside the"
        " schema. `mcp-sessiongen migration new` writes it from what was released, and the function's beginning too."
    ),
    "not-a-schema": (
        "The source is not something that can be compiled: not a .yaml or .py file, nor a folder or a module; or a"
        " class that is no Pydantic model."
    ),
    "not-exportable": (
        "The schema is fine, but the form that it is to be exported to has no words for something in it. A session that"
        " is bound to a class of yours, for example, has a meaning that only Python can say. The forms `ir` and"
        " `json-schema` take every schema."
    ),
    "not-ours": (
        "The output file exists and does not begin with the header of generated files. It is left alone: it may be"
        " somebody's work. Move it away, or choose another output folder."
    ),
    "not-utf8": "A schema file is UTF-8 text without control characters, so that it reads alike everywhere.",
    "reserved-name": (
        "A key has a name that another key had before: one that the schema lists under `reserved`, or that a"
        " `renamed_from` gives. What older versions stored under that name would be taken for values of the new key."
    ),
    "stale-file": (
        "A generated module is not what its schema gives now: the schema was changed, or the compiler is another one,"
        " and `generate` was not run. `diff` shows what it would change."
    ),
    "too-large": (
        "A schema file is larger than 1 MiB, nested deeper than 32 levels, or has more than 50 000 nodes; or its value"
        " types are nested deeper than 32 levels. No schema"
        " written by people is; the limits keep hostile files from using up memory."
    ),
    "unknown-property": "A mapping has a property that the schema language does not know, probably a typing error.",
    "unknown-type": "A type name is neither a known type nor declared under `types`.",
    "unsupported": (
        "This is legal in YAML, Python or Pydantic, but mcp-sessiongen cannot compile it: generated code would not do"
        " the same. The message says why, and the hint what to do instead."
    ),
    "write-failed": "The operating system refused to write an output file. Nothing was changed.",
    "yaml-syntax": (
        "The file is not valid YAML. The position is where the parser gave up; the cause may be a line earlier."
    ),
}
