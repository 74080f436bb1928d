"""What sqlfluff puts in the place of the project's macros: it renders the models without dbt and without Spark."""


class _Partition:
    name = "20251022"
    predicate = "ano_mes_dia = '20251022'"


def latest_partition(_relation: object) -> _Partition:
    return _Partition()


def newest_partitions(_relation: object, count: int) -> list[_Partition]:
    return [_Partition()] * count


def ids_matched_in(_relation: object, _partition: _Partition) -> str:
    return "select id from records"


def raw_table(relation: object, _partition: object = None) -> object:
    return relation


def column_setting(name: str) -> str:
    return "id" if name == "records_id_column" else "documento"


def document_text(column: str, relation: str = "") -> str:
    return f"cast({column} as string)"


def suppressed_by() -> list[str]:
    return ["document", "id"]


def suppressed_document(_relation: object) -> str:
    return "raw_suppressed.documento"


def suppressed_id() -> str:
    return "raw_suppressed.id"


def are_ids_integers(_suppressed: object, _records: object, _partition: _Partition) -> bool:
    return False


def unusable_suppressions(_relation: object, _records: object, _partition: _Partition) -> int:
    return 0


def document_prefix() -> str:
    return "000"


def document_join_hint(alias: str, _documents: object) -> str:
    return f"/*+ broadcast({alias}) */"


def has_document_prefix(text: str) -> str:
    return f"substr({text}, 1, 3) = '000'"


def is_well_formed_document(text: str) -> str:
    return f"length({text}) = 11"


def malformed_documents(_relation: object) -> dict[str, int]:
    return {"found": 0, "allowed": 0}


def missing_documents(_relation: object, _partition: _Partition) -> dict[str, int]:
    return {"found": 0, "allowed": 0}


def publication_summary(relation: object, partition: str) -> str:
    return f"select '{partition}' as source_partition from {relation}"


class dbt:  # noqa: N801 -- the models call it by this name
    @staticmethod
    def type_string() -> str:
        return "string"

    @staticmethod
    def type_bigint() -> str:
        return "bigint"

    @staticmethod
    def type_timestamp() -> str:
        return "timestamp"


invocation_id = "an-invocation"
