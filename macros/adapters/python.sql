{#- The functions of dbt_matched_ids/macro_functions.py, which the plugin of the Python package adds to `modules`. -#}
{% macro python() -%}
    {%- if modules.matched_ids is not defined -%}
        {%- do exceptions.raise_compiler_error(
            'matched_ids: the Python package matched-ids is not installed where dbt runs, and without it raw data cannot be'
            ~ ' looked at. Install it: pip install --no-deps . in the folder of the project.') -%}
    {%- endif -%}
    {{ return(modules.matched_ids) }}
{%- endmacro %}
