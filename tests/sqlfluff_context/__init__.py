"""What sqlfluff puts in the place of the project's macros: it renders the models without dbt and without Spark."""


class _Partition:
    name = "20251022"
    predicate = "ano_mes_dia = '20251022'"


def latest_partition(_relation: object) -> _Partition:
    return _Partition()


def raw_table(relation: object, _partition: object = None) -> object:
    return relation


def setting(name: str) -> str:
    return {"document_prefix": "000", "records_id_column": "id"}.get(name, "documento")


def octet_length(text: str) -> str:
    return f"octet_length({text})"


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
