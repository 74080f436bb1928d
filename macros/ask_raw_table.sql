{#-
    Asks for what the metadata of a raw table tells, on DuckDB, where the setting is iceberg:… or glue:database.table.
    The answers are given by dbt_local_duckdb/raw_tables.py. The table is looked at once in an invocation: what is
    written to it between two models is seen by none.
-#}
{% macro ask_raw_table(relation, question) -%}
    {%- set name = raw_source_name(relation) -%}
    {%- set path = raw_path(relation) -%}
    {%- set looked_at = graph.setdefault('matched_ids_raw_tables', {}) -%}
    {%- set questions = [question] -%}
    {%- if name not in looked_at -%}
        {%- if path.startswith('iceberg:') -%}
            {%- set path = 'iceberg:' ~ raw_location(path[8:], name) -%}
        {%- endif -%}
        {%- do questions.insert(0, 'pin/' ~ path | urlencode) -%}
    {%- endif -%}
    {%- set last = namespace(answer={}) -%}
    {%- for each in questions -%}
        {%- set answers = run_query("select content from read_text('raw-tables://" ~ name ~ '/' ~ each ~ "')") -%}
        {%- set last.answer = fromjson(answers.columns[0].values()[0]) -%}
        {%- if 'error' in last.answer -%}
            {%- do exceptions.raise_compiler_error(
                'raw_table: ' ~ last.answer.error ~ ' It is what the setting ' ~ name ~ '_path names: '
                ~ raw_path(relation)) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do looked_at.update({name: true}) -%}
    {{ return(last.answer) }}
{%- endmacro %}
