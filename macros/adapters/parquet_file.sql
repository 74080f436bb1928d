{#-
    A table on DuckDB: one Parquet file at <location_root>/<name>.parquet, which the publisher reads without DuckDB, and
    a view on it. So dbt's tests test what is published. DuckDB writes the file under another name and renames it: a
    reader has the whole old one or the whole new one. dbt-duckdb's own `external` writes a row of nulls where a model
    has none, keeps a second copy in the database, and creates no folder.
-#}
{% materialization parquet_file, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set folder = config.require('location_root') -%}
    {%- if not folder.startswith('/') -%}
        {%- do exceptions.raise_compiler_error(
            'parquet_file: ' ~ this.identifier ~ ' is to be written to ' ~ folder ~ ', which is no absolute path, so that'
            ~ ' the publisher would not find it. Set external_root in the profile of dbt-duckdb to one, or location_root'
            ~ ' of the model.') -%}
    {%- endif -%}
    {%- do matched_ids.python().make_folder(folder) -%}
    {%- set file = folder ~ '/' ~ this.identifier ~ '.parquet' -%}
    {%- set file = file | replace("'", "''") -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif -%}
    {%- call statement('main') -%}
        copy (
            {{ sql }}
        ) to '{{ file }}' (format parquet, use_tmp_file true)
    {%- endcall -%}
    {%- if existing_relation is not none and not existing_relation.is_view -%}
        {%- do adapter.drop_relation(existing_relation) -%}
    {%- endif -%}
    {%- call statement('create_view') -%}
        create or replace view {{ target_relation }} as select * from read_parquet('{{ file }}')
    {%- endcall -%}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do persist_docs(target_relation, model) -%}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
